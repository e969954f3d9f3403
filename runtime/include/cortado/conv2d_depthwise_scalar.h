// Depthwise convolution on cores without vectors, plain → plain: a filter's weights stay in registers for a whole row, four
// neighbouring outputs share what they read. Weights: [c][kh][kw], as the net has them.
#pragma once

#include "cortado/conv2d_scalar.h"

namespace cortado {

/** Σ over the taps inside the image for one output. */
CORTADO_INLINE float depthwise_sum(const Conv2dShape& s, const float* x, const float* w, int ih, int iw, ScalarTaps rows, ScalarTaps cols) {
  float sum = 0.0f;
  for (int kh = rows.begin; kh < rows.end; ++kh) {
    const float* const from = x + (ih + kh * s.dilation_h) * s.in_width + iw;
    const float* const taps = w + kh * s.kernel_w;
    for (int kw = cols.begin; kw < cols.end; ++kw) sum = fma(from[kw * s.dilation_w], taps[kw], sum);
  }
  return sum;
}

/** Four outputs of one row with whole 3-column windows, undilated. x: the first window's corner, w: its first row of taps. */
template <int kStride>
CORTADO_INLINE void depthwise_four(const float* x, int in_width, const float* w, int rows, float (&sums)[4]) {
  constexpr int kRead = 3 * kStride + 3;
  static_for<0, 4>([&](auto p) __attribute__((always_inline)) { sums[p] = 0.0f; });
  for (; rows > 0; --rows, x += in_width, w += 3) {
    float pixels[kRead];
    static_for<0, kRead>([&](auto i) __attribute__((always_inline)) { pixels[i] = x[i]; });
    static_for<0, 3>([&](auto kw) __attribute__((always_inline)) {
      const float weight = w[kw];
      static_for<0, 4>([&](auto p) __attribute__((always_inline)) { sums[p] = fma(pixels[p * kStride + kw], weight, sums[p]); });
    });
  }
}

/** One plane. kStride: of undilated 3-column windows; 0 = any window, one output at a time. */
template <int kStride, class Ep>
CORTADO_NOINLINE void depthwise_plane(const Conv2dShape& s, const float* x, const float* w, float* y, const Ep& ep, int channel, int offset) {
  const ScalarTaps inside = scalar_inside(s.in_width, s.out_width, dilated_extent(s.kernel_w, s.dilation_w), s.stride_w, s.pad_left);
  for (int row = 0; row < s.out_height; ++row) {
    const int ih = row * s.stride_h - s.pad_top;
    const ScalarTaps rows = scalar_taps(ih, s.dilation_h, s.kernel_h, s.in_height);
    for (int col = 0; col < s.out_width;) {
      const int iw = col * s.stride_w - s.pad_left, at = row * s.out_width + col;
      if constexpr (kStride > 0) {
        if (col >= inside.begin && col + 4 <= inside.end) {
          float sums[4];
          depthwise_four<kStride>(x + (ih + rows.begin) * s.in_width + iw, s.in_width, w + rows.begin * 3, rows.end - rows.begin, sums);
          static_for<0, 4>([&](auto p) __attribute__((always_inline)) {
            y[at + p] = finish<float, PixelLanes>(ep, sums[p], channel, offset + at + p);
          });
          col += 4;
          continue;
        }
      }
      const ScalarTaps cols = scalar_taps(iw, s.dilation_w, s.kernel_w, s.in_width);
      y[at] = finish<float, PixelLanes>(ep, depthwise_sum(s, x, w, ih, iw, rows, cols), channel, offset + at);
      ++col;
    }
  }
}

/** y = ep(x ∗ w), one filter per channel. Parts split the planes of all images. */
template <const Conv2dShape& S, class Ep>
void conv2d_depthwise_scalar(Part part, std::int64_t n, const float* x, const float* w, float* y, const Ep& ep) {
  static_assert(S.groups == S.in_channels && S.in_channels == S.out_channels, "depthwise: one filter per channel");
  constexpr bool is_three = S.kernel_w == 3 && S.kernel_h == 3 && S.dilation_w == 1 && S.dilation_h == 1 && S.stride_w <= 2;
  constexpr int x_plane = S.in_height * S.in_width, y_plane = S.out_height * S.out_width;
  const Range share = share_of(part, n * S.in_channels);
  for (int plane = static_cast<int>(share.begin); plane < static_cast<int>(share.end); ++plane) {
    const int channel = plane % S.in_channels;
    depthwise_plane<is_three ? S.stride_w : 0>(S, x + plane * x_plane, w + channel * S.kernel_h * S.kernel_w, y + plane * y_plane, ep, channel,
                                               plane * y_plane);
  }
}

}  // namespace cortado
