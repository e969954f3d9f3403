// Vectors along one axis divided by their norm, plain tensors.
#pragma once

#include "cortado/part.h"

namespace cortado {

/**
 * x, y: [outer][count][inner]; y = x / max(norm, floor) along count, norm = Σ|x| (kPower 1) or √Σx² (kPower 2). Zeros stay
 * zeros. Parts split the vectors.
 */
template <int kPower>
void normalize(Part part, std::int64_t outer, std::int64_t count, std::int64_t inner, float floor, const float* x, float* y) {
  static_assert(kPower == 1 || kPower == 2);
  const Range share = share_of(part, outer * inner);
  for (std::int64_t vector = share.begin; vector < share.end; ++vector) {
    const std::int64_t begin = vector / inner * count * inner + vector % inner;
    float sum = 0.0f;
    for (std::int64_t i = 0; i < count; ++i) {
      const float value = x[begin + i * inner];
      sum += kPower == 1 ? __builtin_fabsf(value) : value * value;
    }
    const float norm = kPower == 1 ? sum : __builtin_sqrtf(sum);
    const float divisor = norm < floor ? floor : norm;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t at = begin + i * inner;
      y[at] = divisor > 0.0f || divisor != divisor ? x[at] / divisor : x[at];
    }
  }
}

}  // namespace cortado
