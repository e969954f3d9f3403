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

/** Output channels computed together: each loaded input value serves all of them. */
inline constexpr int kGenericChannels = 4;

/** y[k][o] += weights[k·filter] · x[o·stride + shift] for `Count` channels and the outputs in range. */
template <int Count>
CORTADO_INLINE void add_scaled_rows(Range range, const float* weights, std::int64_t filter, const float* x, std::int64_t shift,
                                    std::int64_t stride, float* y, std::int64_t plane) {
  std::int64_t o = range.begin;
  const auto add = [&](auto lanes) {
    using V = decltype(lanes);
    for (; o + kLanesOf<V> <= range.end; o += kLanesOf<V>) {
      const V source = load<V>(x + o + shift);
      for (int k = 0; k < Count; ++k) {
        float* target = y + k * plane + o;
        store(target, fma(splat<V>(weights[k * filter]), source, load<V>(target)));
      }
    }
  };
  if (stride == 1) {
    add(Vec<float, kFloatLanes>{});
    add(Vec<float, 4>{});
  }
  for (; o < range.end; ++o) {
    for (int k = 0; k < Count; ++k) y[k * plane + o] += weights[k * filter] * x[o * stride + shift];
  }
}

/** One output row (n, od, oh) of `Count` neighbouring channels before the epilogue; their rows are `plane` floats apart. */
template <int Count>
inline void conv_generic_rows(const ConvDims& d, const float* x, const float* w, std::int64_t od, std::int64_t oh, float* y,
                              std::int64_t plane) {
  const std::int64_t channels = d.in_channels / d.groups;
  const std::int64_t filter = channels * d.kernel[0] * d.kernel[1] * d.kernel[2];
  for (int k = 0; k < Count; ++k) {
    for (std::int64_t ow = 0; ow < d.out[2]; ++ow) y[k * plane + ow] = 0.0f;
  }
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
          const Range range = outputs_inside(shift, d.stride[2], d.in[2], d.out[2]);
          add_scaled_rows<Count>(range, taps + kw, filter, row, shift, d.stride[2], y, plane);
        }
      }
    }
  }
}

/** A 1×1 window that moves by one and leaves nothing out sees the image as one long row. */
CORTADO_INLINE ConvDims merge_rows(ConvDims d) {
  for (int axis = 0; axis < 3; ++axis) {
    if (d.kernel[axis] != 1 || d.stride[axis] != 1 || d.pad[axis] != 0 || d.in[axis] != d.out[axis]) return d;
  }
  d.in[2] = d.out[2] = d.in[0] * d.in[1] * d.in[2];
  d.in[0] = d.in[1] = d.out[0] = d.out[1] = 1;
  return d;
}

/** Epilogue over `count` neighbouring floats of one channel. */
template <class Ep>
CORTADO_INLINE void finish_plain_row(float* y, std::int64_t count, const Ep& ep, std::int64_t channel, std::int64_t offset) {
  using F = Vec<float, kFloatLanes>;
  std::int64_t i = 0;
  for (; i + kFloatLanes <= count; i += kFloatLanes) store(y + i, finish<F, PixelLanes>(ep, load<F>(y + i), channel, offset + i));
  for (; i < count; ++i) y[i] = finish<float, PixelLanes>(ep, y[i], channel, offset + i);
}

/** y = ep(x ∗ w); w: [m][c/groups][kd][kh][kw]. Parts split the rows of blocks of output channels. */
template <class Ep>
void conv_generic(Part part, std::int64_t n, const ConvDims& dims, const float* x, const float* w, float* y, const Ep& ep) {
  const ConvDims d = merge_rows(dims);
  const std::int64_t in_group = d.in_channels / d.groups, out_group = d.out_channels / d.groups;
  const std::int64_t x_plane = d.in[0] * d.in[1] * d.in[2], y_plane = d.out[0] * d.out[1] * d.out[2];
  const std::int64_t filter = in_group * d.kernel[0] * d.kernel[1] * d.kernel[2];
  const std::int64_t rows = d.out[0] * d.out[1], blocks = ceil_div(out_group, kGenericChannels);
  const Range share = share_of(part, n * d.groups * blocks * rows);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t row = item % rows, block = item / rows % blocks;
    const std::int64_t group = item / rows / blocks % d.groups, image = item / rows / blocks / d.groups;
    const std::int64_t first = group * out_group + block * kGenericChannels;
    const std::int64_t count = min_of(kGenericChannels, (group + 1) * out_group - first);
    const float* source = x + (image * d.in_channels + group * in_group) * x_plane;
    const std::int64_t at = (image * d.out_channels + first) * y_plane + row * d.out[2];
    const std::int64_t od = row / d.out[1], oh = row % d.out[1];
    if (count == kGenericChannels) {
      conv_generic_rows<kGenericChannels>(d, source, w + first * filter, od, oh, y + at, y_plane);
    } else {
      for (std::int64_t k = 0; k < count; ++k) {
        conv_generic_rows<1>(d, source, w + (first + k) * filter, od, oh, y + at + k * y_plane, y_plane);
      }
    }
    for (std::int64_t k = 0; k < count; ++k) {
      finish_plain_row(y + at + k * y_plane, d.out[2], ep, first + k, at + k * y_plane);
    }
  }
}

}  // namespace cortado
