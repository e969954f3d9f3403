// gather and one_hot: rows picked by index. An index out of range is a fault; nothing is read or written for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

/** data [outer][rows][inner], indices [count] -> y [outer][count][inner]. Parts share the indices. */
template <class T, class Index>
cortado_status gather(Part part, const T* data, const Index* indices, T* y, std::int64_t outer, std::int64_t rows,
                      std::int64_t inner, std::int64_t count) {
  const Range range = share_of(part, count);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    const std::int64_t row = static_cast<std::int64_t>(indices[i]);
    if (row < 0 || row >= rows) return CORTADO_INDEX_OUT_OF_RANGE;
    if (inner == 0) continue;
    for (std::int64_t o = 0; o < outer; o++) {
      std::memcpy(y + (o * count + i) * inner, data + (o * rows + row) * inner, static_cast<std::size_t>(inner) * sizeof(T));
    }
  }
  return CORTADO_OK;
}

/** y [count][size]: 1 at indices[i] of row i, 0 elsewhere. */
CORTADO_INLINE cortado_status one_hot(Part part, const std::int64_t* indices, float* y, std::int64_t count,
                                      std::int64_t size) {
  const Range range = share_of(part, count);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    if (indices[i] < 0 || indices[i] >= size) return CORTADO_INDEX_OUT_OF_RANGE;
    for (std::int64_t j = 0; j < size; j++) y[i * size + j] = j == indices[i] ? 1.0f : 0.0f;
  }
  return CORTADO_OK;
}

}  // namespace cortado
