// unique, find_duplicates, remove_rows, boolean_unmask: elements and rows chosen by value or by mask. All of it is the
// work of part 0: where a result goes depends on those before. Nothing is written beyond `bound` results.
#pragma once

#include <cstdint>
#include <cstring>

#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/heap.h"
#include "cortado/pack_segments.h"
#include "cortado/part.h"

namespace cortado {

/** Different values of x [count], ascending -> y; their places -> places (either may be null). scratch: 8 bytes each. */
template <class T>
cortado_status unique(Part part, const T* x, T* y, std::int32_t* places, std::int64_t* found, std::int64_t bound,
                      std::int64_t count, void* scratch) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t* order = static_cast<std::int64_t*>(scratch);
  for (std::int64_t i = 0; i < count; i++) order[i] = i;
  sort_items(order, count, [&](std::int64_t i, std::int64_t j) { return x[i] < x[j]; });
  std::int64_t values = 0;
  for (std::int64_t i = 0; i < count; i++) {
    if (i == 0 || x[order[i]] != x[order[i - 1]]) {
      if (values >= bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
      if (y != nullptr) y[values] = x[order[i]];
      values++;
    }
    if (places != nullptr) places[order[i]] = static_cast<std::int32_t>(values - 1);
  }
  if (found != nullptr) *found = values;
  return CORTADO_OK;
}

/** Positions of elements of x [count] that equal an earlier one. */
template <class T>
cortado_status find_duplicates(Part part, const T* x, std::int64_t* y, std::int64_t* found, std::int64_t bound,
                               std::int64_t count) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t duplicates = 0;
  for (std::int64_t i = 0; i < count; i++) {
    std::int64_t first = 0;
    while (first < i && !(x[first] == x[i])) first++;
    if (first == i) continue;
    if (duplicates >= bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    y[duplicates++] = i;
  }
  if (found != nullptr) *found = duplicates;
  return CORTADO_OK;
}

/** x [rows][inner] without the rows named by indices [count]. scratch: one byte for each row. */
template <class T, class Index>
cortado_status remove_rows(Part part, const T* x, const Index* indices, T* y, std::int64_t* found, std::int64_t bound,
                           std::int64_t rows, std::int64_t count, std::int64_t inner, void* scratch) {
  if (part.index != 0) return CORTADO_OK;
  bool* gone = static_cast<bool*>(scratch);
  for (std::int64_t row = 0; row < rows; row++) gone[row] = false;
  for (std::int64_t i = 0; i < count; i++) {
    const std::int64_t row = static_cast<std::int64_t>(indices[i]);
    if (row < 0 || row >= rows) return CORTADO_INDEX_OUT_OF_RANGE;
    gone[row] = true;
  }
  std::int64_t kept = 0;
  for (std::int64_t row = 0; row < rows; row++) {
    if (gone[row]) continue;
    if (kept >= bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    copy_row(x + row * inner, y + kept * inner, inner);
    kept++;
  }
  if (found != nullptr) *found = kept;
  return CORTADO_OK;
}

/** y [size]: the next value of the first mask that is true. pointers: N times mask [size] and values [counts]. */
template <int N, class T, class... P>
cortado_status boolean_unmask(Part part, T* y, std::int64_t size, const Dims<N>& counts, P... pointers) {
  static_assert(sizeof...(P) == 2 * N, "masks and values");
  if (part.index != 0) return CORTADO_OK;
  const void* const all[] = {pointers...};
  std::int64_t next[N] = {};
  for (std::int64_t i = 0; i < size; i++) {
    int chosen = 0;
    while (chosen < N && !static_cast<const bool*>(all[2 * chosen])[i]) chosen++;
    if (chosen == N) return CORTADO_BAD_VALUE;
    if (next[chosen] >= counts.d[chosen]) return CORTADO_LENGTHS_MISMATCH;
    y[i] = static_cast<const T*>(all[2 * chosen + 1])[next[chosen]++];
  }
  for (int j = 0; j < N; j++) {
    if (next[j] != counts.d[j]) return CORTADO_LENGTHS_MISMATCH;
  }
  return CORTADO_OK;
}

}  // namespace cortado
