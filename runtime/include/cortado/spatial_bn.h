// Batch normalization with given statistics, plain tensors; for parameters that are not constants (else it is folded).
#pragma once

#include "cortado/part.h"

namespace cortado {

/** y = x · f + (bias − mean · f) per channel, f = scale / √(var + epsilon). In place allowed. Parts split the planes. */
inline void spatial_bn(Part part, std::int64_t n, std::int64_t channels, std::int64_t pixels, float epsilon, const float* x,
                       const float* scale, const float* bias, const float* mean, const float* var, float* y) {
  const Range share = share_of(part, n * channels);
  for (std::int64_t plane = share.begin; plane < share.end; ++plane) {
    const std::int64_t c = plane % channels;
    const float factor = scale[c] / __builtin_sqrtf(var[c] + epsilon);
    const float shift = bias[c] - mean[c] * factor;
    const float* from = x + plane * pixels;
    float* to = y + plane * pixels;
    for (std::int64_t i = 0; i < pixels; ++i) to[i] = from[i] * factor + shift;
  }
}

}  // namespace cortado
