// Convolution of plain tensors, one to three dimensions, any stride, padding, dilation and groups; extents at run time.
// The fallback: each output row is a sum of input rows times one weight, so the inner loop runs along the row.
#pragma once

#include "cortado/epilogue.h"

namespace cortado {

/** Spatial axes are d, h, w; fewer dimensions have leading ones (in, out, kernel, stride, dilation 1, pad 0). */
struct ConvDims {
  std::int64_t in_channels;
  std::int64_t out_channels;
  std::int64_t groups;
  std::int64_t in[3];
  std::int64_t out[3];
  std::int64_t kernel[3];
  std::int64_t stride[3];
  std::int64_t pad[3];
  std::int64_t dilation[3];
};

/** Outputs whose input index o·stride + shift lies in [0, in). */
CORTADO_INLINE Range outputs_inside(std::int64_t shift, std::int64_t stride, std::int64_t in, std::int64_t out) {
  const std::int64_t begin = shift >= 0 ? 0 : ceil_div(-shift, stride);
  const std::int64_t end = in - shift <= 0 ? 0 : ceil_div(in - shift, stride);
  return Range{min_of(begin, out), max_of(min_of(begin, out), min_of(end, out))};
}

/** y[o] += weight · x[o·stride + shift] for the outputs in range. */
CORTADO_INLINE void add_scaled_row(Range range, float weight, const float* x, std::int64_t shift, std::int64_t stride, float* y) {
  using F = Vec<float, kFloatLanes>;
  std::int64_t o = range.begin;
  if (stride == 1) {
    for (; o + kFloatLanes <= range.end; o += kFloatLanes) {
      store(y + o, fma(splat<F>(weight), load<F>(x + o + shift), load<F>(y + o)));
    }
  }
  for (; o < range.end; ++o) y[o] += weight * x[o * stride + shift];
}

/** One output row (n, m, od, oh) before the epilogue. */
inline void conv_generic_row(const ConvDims& d, const float* x, const float* w, std::int64_t od, std::int64_t oh, float* y) {
  const std::int64_t channels = d.in_channels / d.groups;
  for (std::int64_t ow = 0; ow < d.out[2]; ++ow) y[ow] = 0.0f;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t kd = 0; kd < d.kernel[0]; ++kd) {
      const std::int64_t id = od * d.stride[0] - d.pad[0] + kd * d.dilation[0];
      if (id < 0 || id >= d.in[0]) continue;
      for (std::int64_t kh = 0; kh < d.kernel[1]; ++kh) {
        const std::int64_t ih = oh * d.stride[1] - d.pad[1] + kh * d.dilation[1];
        if (ih < 0 || ih >= d.in[1]) continue;
        const float* row = x + ((c * d.in[0] + id) * d.in[1] + ih) * d.in[2];
        const float* taps = w + ((c * d.kernel[0] + kd) * d.kernel[1] + kh) * d.kernel[2];
        for (std::int64_t kw = 0; kw < d.kernel[2]; ++kw) {
          const std::int64_t shift = kw * d.dilation[2] - d.pad[2];
          add_scaled_row(outputs_inside(shift, d.stride[2], d.in[2], d.out[2]), taps[kw], row, shift, d.stride[2], y);
        }
      }
    }
  }
}

/** Epilogue over `count` neighbouring floats of one channel. */
template <class Ep>
CORTADO_INLINE void finish_plain_row(float* y, std::int64_t count, const Ep& ep, std::int64_t channel, std::int64_t offset) {
  using F = Vec<float, kFloatLanes>;
  std::int64_t i = 0;
  for (; i + kFloatLanes <= count; i += kFloatLanes) store(y + i, finish<F, PixelLanes>(ep, load<F>(y + i), channel, offset + i));
  for (; i < count; ++i) y[i] = finish<float, PixelLanes>(ep, y[i], channel, offset + i);
}

/** y = ep(x ∗ w); w: [m][c/groups][kd][kh][kw]. Parts split the output rows. */
template <class Ep>
void conv_generic(Part part, std::int64_t n, const ConvDims& d, const float* x, const float* w, float* y, const Ep& ep) {
  const std::int64_t in_group = d.in_channels / d.groups, out_group = d.out_channels / d.groups;
  const std::int64_t x_plane = d.in[0] * d.in[1] * d.in[2];
  const std::int64_t filter = in_group * d.kernel[0] * d.kernel[1] * d.kernel[2];
  const Range share = share_of(part, n * d.out_channels * d.out[0] * d.out[1]);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t oh = item % d.out[1];
    const std::int64_t od = item / d.out[1] % d.out[0];
    const std::int64_t m = item / d.out[1] / d.out[0] % d.out_channels;
    const std::int64_t image = item / d.out[1] / d.out[0] / d.out_channels;
    float* row = y + item * d.out[2];
    conv_generic_row(d, x + (image * d.in_channels + m / out_group * in_group) * x_plane, w + m * filter, od, oh, row);
    finish_plain_row(row, d.out[2], ep, m, item * d.out[2]);
  }
}

}  // namespace cortado
