// A convolution whose weights differ from place to place, plain tensors, one to three spatial axes.
#pragma once

#include "cortado/conv_generic.h"

namespace cortado {

/** w: [out d, h, w][m][c/groups][kd][kh][kw], bias: [out d, h, w][m] or null. Parts split the outputs. */
inline void locally_connected(Part part, std::int64_t n, const ConvDims& d, const float* x, const float* w, const float* bias, float* y) {
  const std::int64_t in_group = d.in_channels / d.groups;
  const std::int64_t out_group = d.out_channels / d.groups;
  const std::int64_t in_pixels = d.in[0] * d.in[1] * d.in[2];
  const std::int64_t out_pixels = d.out[0] * d.out[1] * d.out[2];
  const std::int64_t taps = d.kernel[0] * d.kernel[1] * d.kernel[2];
  const Range share = share_of(part, n * d.out_channels * out_pixels);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t at = item % out_pixels;
    const std::int64_t m = item / out_pixels % d.out_channels;
    const std::int64_t image = item / out_pixels / d.out_channels;
    const float* planes = x + (image * d.in_channels + m / out_group * in_group) * in_pixels;
    const float* weights = w + (at * d.out_channels + m) * in_group * taps;
    float sum = bias == nullptr ? 0.0f : bias[at * d.out_channels + m];
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t id = at / d.out[2] / d.out[1] * d.stride[0] - d.pad[0] + tap / d.kernel[2] / d.kernel[1] * d.dilation[0];
      const std::int64_t ih = at / d.out[2] % d.out[1] * d.stride[1] - d.pad[1] + tap / d.kernel[2] % d.kernel[1] * d.dilation[1];
      const std::int64_t iw = at % d.out[2] * d.stride[2] - d.pad[2] + tap % d.kernel[2] * d.dilation[2];
      if (id < 0 || id >= d.in[0] || ih < 0 || ih >= d.in[1] || iw < 0 || iw >= d.in[2]) continue;
      const float* pixel = planes + (id * d.in[1] + ih) * d.in[2] + iw;
      for (std::int64_t c = 0; c < in_group; ++c) sum += pixel[c * in_pixels] * weights[c * taps + tap];
    }
    y[item] = sum;
  }
}

}  // namespace cortado
