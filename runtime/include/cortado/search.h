// top_k, arg_max, arg_min along one axis of a plain tensor [outer][length][inner].
#pragma once

#include <cstdint>

#include "cortado/heap.h"
#include "cortado/part.h"

namespace cortado {

struct RankedValue {
  std::int64_t index;
  float value;
};

/** The k largest of each line, descending, equal ones by index. Outputs may be null. scratch: k RankedValues. */
CORTADO_NOINLINE inline void top_k(Part part, const float* x, float* values, std::int64_t* indices, std::int64_t* offsets,
                                   std::int64_t outer, std::int64_t length, std::int64_t inner, std::int64_t k,
                                   void* scratch) {
  RankedValue* heap = static_cast<RankedValue*>(scratch);
  // The worst of the k best is on top, to be replaced by whatever is better.
  const auto worse = [](const RankedValue& a, const RankedValue& b) {
    return a.value < b.value || (!(b.value < a.value) && a.index > b.index);
  };
  const auto better = [&](const RankedValue& a, const RankedValue& b) { return worse(b, a); };
  const Range range = share_of(part, outer * inner);
  for (std::int64_t line = range.begin; line < range.end; line++) {
    const std::int64_t from = line / inner * length * inner + line % inner;
    const std::int64_t to = line / inner * k * inner + line % inner;
    for (std::int64_t i = 0; i < k; i++) heap[i] = RankedValue{i, x[from + i * inner]};
    make_heap(heap, k, worse);
    for (std::int64_t i = k; i < length; i++) {
      const RankedValue candidate{i, x[from + i * inner]};
      if (!better(candidate, heap[0])) continue;
      heap[0] = candidate;
      sift_down(heap, k, 0, worse);
    }
    sort_items(heap, k, better);
    for (std::int64_t i = 0; i < k; i++) {
      const std::int64_t at = to + i * inner;
      if (values != nullptr) values[at] = heap[i].value;
      if (indices != nullptr) indices[at] = heap[i].index;
      if (offsets != nullptr) offsets[at] = from + heap[i].index * inner;
    }
  }
}

template <class Better>
CORTADO_INLINE void arg_best(Part part, const float* x, std::int64_t* y, std::int64_t outer, std::int64_t length,
                             std::int64_t inner, float start, const Better& better) {
  const Range range = share_of(part, outer * inner);
  for (std::int64_t line = range.begin; line < range.end; line++) {
    const float* from = x + line / inner * length * inner + line % inner;
    std::int64_t at = 0;
    float best = start;
    for (std::int64_t i = 0; i < length; i++) {
      if (!better(from[i * inner], best)) continue;
      best = from[i * inner];
      at = i;
    }
    y[line] = at;
  }
}

/** Position of the largest value, the first of equal ones; NaN never wins. */
CORTADO_NOINLINE inline void arg_max(Part part, const float* x, std::int64_t* y, std::int64_t outer, std::int64_t length,
                                     std::int64_t inner) {
  arg_best(part, x, y, outer, length, inner, -3.40282347e38f, [](float a, float b) { return a > b; });
}

/** Position of the smallest value, the first of equal ones; NaN never wins. */
CORTADO_NOINLINE inline void arg_min(Part part, const float* x, std::int64_t* y, std::int64_t outer, std::int64_t length,
                                     std::int64_t inner) {
  arg_best(part, x, y, outer, length, inner, 3.40282347e38f, [](float a, float b) { return a < b; });
}

}  // namespace cortado
