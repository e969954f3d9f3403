// lengths_top_k, flexible_top_k: the largest values of each segment or row, equal ones by position. All of it is the work
// of part 0. Nothing is written beyond `bound` values.
#pragma once

#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/part.h"
#include "cortado/search.h"

namespace cortado {

/** ranked [length] = the values with their positions, the largest first. */
CORTADO_NOINLINE inline void rank_values(const float* x, std::int64_t length, RankedValue* ranked) {
  for (std::int64_t i = 0; i < length; i++) ranked[i] = RankedValue{i, x[i]};
  sort_items(ranked, length, [](const RankedValue& a, const RankedValue& b) {
    return a.value > b.value || (!(b.value > a.value) && a.index < b.index);
  });
}

/** x [count] split by lengths -> values, indices [segments][k], 0 and -1 behind the end of a segment. Outputs may be null. */
CORTADO_INLINE cortado_status lengths_top_k(Part part, const float* x, const std::int32_t* lengths, float* values,
                                            std::int32_t* indices, std::int64_t count, std::int64_t segments,
                                            std::int64_t k, void* scratch) {
  if (part.index != 0) return CORTADO_OK;
  RankedValue* ranked = static_cast<RankedValue*>(scratch);
  std::int64_t at = 0;
  for (std::int64_t s = 0; s < segments; s++) {
    const std::int64_t length = lengths[s];
    if (length < 0 || length > count - at) return CORTADO_LENGTHS_MISMATCH;
    rank_values(x + at, length, ranked);
    for (std::int64_t i = 0; i < k; i++) {
      if (values != nullptr) values[s * k + i] = i < length ? ranked[i].value : 0.0f;
      if (indices != nullptr) indices[s * k + i] = i < length ? static_cast<std::int32_t>(ranked[i].index) : -1;
    }
    at += length;
  }
  return CORTADO_OK;
}

/** x [rows][length], k [rows] -> values and indices of all rows, one after another. Outputs may be null. */
CORTADO_INLINE cortado_status flexible_top_k(Part part, const float* x, const std::int64_t* k, float* values,
                                             std::int64_t* indices, std::int64_t* found, std::int64_t bound,
                                             std::int64_t rows, std::int64_t length, void* scratch) {
  if (part.index != 0) return CORTADO_OK;
  RankedValue* ranked = static_cast<RankedValue*>(scratch);
  std::int64_t to = 0;
  for (std::int64_t row = 0; row < rows; row++) {
    if (k[row] < 1 || k[row] > length) return CORTADO_BAD_VALUE;
    if (k[row] > bound - to) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    rank_values(x + row * length, length, ranked);
    for (std::int64_t i = 0; i < k[row]; i++, to++) {
      if (values != nullptr) values[to] = ranked[i].value;
      if (indices != nullptr) indices[to] = ranked[i].index;
    }
  }
  if (found != nullptr) *found = to;
  return CORTADO_OK;
}

}  // namespace cortado
