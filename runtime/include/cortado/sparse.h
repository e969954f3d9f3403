// boolean_mask, sparse_to_dense, find: rows chosen, scattered and looked up by value. All work of a call that depends on
// earlier rows is done by part 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

/** Rows of x [rows][inner] where the mask is true -> y, indices (either may be null); their count -> *found. */
template <class T>
void boolean_mask(Part part, const T* x, const bool* mask, T* y, std::int64_t* indices, std::int64_t* found,
                  std::int64_t rows, std::int64_t inner) {
  if (part.index != 0) return;
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < rows; row++) {
    if (!mask[row]) continue;
    if (y != nullptr && inner != 0) {
      std::memcpy(y + count * inner, x + row * inner, static_cast<std::size_t>(inner) * sizeof(T));
    }
    if (indices != nullptr) indices[count] = row;
    count++;
  }
  if (found != nullptr) *found = count;
}

/** y [rows][inner] = 0, then y[indices[i]] += values[i]; integers wrap. rows: -1 for one more than the largest index. */
template <class T, class Index>
cortado_status sparse_to_dense(Part part, const Index* indices, const T* values, T* y, std::int64_t* found,
                               std::int64_t bound, std::int64_t count, std::int64_t rows, std::int64_t inner) {
  if (part.index != 0) return CORTADO_OK;
  if (rows < 0) {
    rows = 0;
    for (std::int64_t i = 0; i < count; i++) {
      if (static_cast<std::int64_t>(indices[i]) >= bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
      rows = max_of(rows, static_cast<std::int64_t>(indices[i]) + 1);
    }
  }
  if (rows > bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
  if (found != nullptr) *found = rows;
  for (std::int64_t i = 0; i < rows * inner; i++) y[i] = T{0};
  for (std::int64_t i = 0; i < count; i++) {
    const std::int64_t row = static_cast<std::int64_t>(indices[i]);
    if (row < 0 || row >= rows) return CORTADO_INDEX_OUT_OF_RANGE;
    for (std::int64_t k = 0; k < inner; k++) {
      T& sum = y[row * inner + k];
      if constexpr (std::is_floating_point_v<T>) {
        sum += values[i * inner + k];
      } else {
        sum = static_cast<T>(static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(values[i * inner + k]));
      }
    }
  }
  return CORTADO_OK;
}

/** y[i] = last position of queries[i] in index [size], or `missing`. */
template <class T>
void find(Part part, const T* index, const T* queries, T* y, std::int64_t size, std::int64_t count, std::int64_t missing) {
  const Range range = share_of(part, count);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    std::int64_t at = size - 1;
    while (at >= 0 && index[at] != queries[i]) at--;
    y[i] = static_cast<T>(at >= 0 ? at : missing);
  }
}

}  // namespace cortado
