// Convolution over up to six spatial axes, plain tensors: what conv_generic.h does not cover. One output at a time.
#pragma once

#include "cortado/epilogue.h"
#include "cortado/part.h"

namespace cortado {

inline constexpr int kConvMaxAxes = 6;

/** Extents; only the first `axes` entries of each list are read. May be filled at run time. */
struct ConvNdDims {
  std::int64_t axes;
  std::int64_t in_channels;
  std::int64_t out_channels;
  std::int64_t groups;
  std::int64_t in[kConvMaxAxes];
  std::int64_t out[kConvMaxAxes];
  std::int64_t kernel[kConvMaxAxes];
  std::int64_t stride[kConvMaxAxes];
  std::int64_t pad[kConvMaxAxes];
  std::int64_t dilation[kConvMaxAxes];
};

/** Offset of tap `tap` (row-major index) of output `at` (row-major index) in the input plane; -1 outside. */
inline std::int64_t conv_nd_source(const ConvNdDims& d, std::int64_t at, std::int64_t tap) {
  std::int64_t offset = 0;
  std::int64_t stride = 1;
  for (std::int64_t axis = d.axes - 1; axis >= 0; --axis) {
    const std::int64_t i = at % d.out[axis] * d.stride[axis] - d.pad[axis] + tap % d.kernel[axis] * d.dilation[axis];
    if (i < 0 || i >= d.in[axis]) return -1;
    offset += i * stride;
    stride *= d.in[axis];
    at /= d.out[axis];
    tap /= d.kernel[axis];
  }
  return offset;
}

/** y = ep(x ∗ w); w: [m][c/groups][kernel...]. Parts split the outputs. */
template <class Ep>
void conv_nd(Part part, std::int64_t n, const ConvNdDims& d, const float* x, const float* w, float* y, const Ep& ep) {
  std::int64_t in_pixels = 1;
  std::int64_t out_pixels = 1;
  std::int64_t taps = 1;
  for (std::int64_t axis = 0; axis < d.axes; ++axis) {
    in_pixels *= d.in[axis];
    out_pixels *= d.out[axis];
    taps *= d.kernel[axis];
  }
  const std::int64_t in_group = d.in_channels / d.groups;
  const std::int64_t out_group = d.out_channels / d.groups;
  const Range share = share_of(part, n * d.out_channels * out_pixels);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t m = item / out_pixels % d.out_channels;
    const std::int64_t image = item / out_pixels / d.out_channels;
    const float* planes = x + (image * d.in_channels + m / out_group * in_group) * in_pixels;
    const float* weights = w + m * in_group * taps;
    float sum = 0.0f;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t from = conv_nd_source(d, item % out_pixels, tap);
      if (from < 0) continue;
      for (std::int64_t c = 0; c < in_group; ++c) sum += planes[c * in_pixels + from] * weights[c * taps + tap];
    }
    y[item] = finish<float, PixelLanes>(ep, sum, m, item);
  }
}

}  // namespace cortado
