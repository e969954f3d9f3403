// Depthwise convolution on cores without vectors, plain → plain, of undilated 3x3 windows that reach one pixel out of the image
// at most. Strips of one or two columns go down a plane: the taps stay in registers, and a strip loads each of its pixels
// once. Weights: [c][kh][kw], as the net has them.
#pragma once

#include "cortado/conv2d_shape.h"
#include "cortado/scalar_tile.h"

namespace cortado {

/** One row of a strip of kColumns neighbouring outputs: the pixels of their windows, but those left or right of the image. */
template <int kStride, int kColumns, bool kLeft, bool kRight>
struct StripRow {
  static constexpr int kPixels = (kColumns - 1) * kStride + 3;
  float pixels[kPixels];

  static constexpr bool is_inside(int pixel) { return !(kLeft && pixel == 0) && !(kRight && pixel == kPixels - 1); }

  CORTADO_INLINE explicit StripRow(const float* x) {
    if constexpr (kPixels >= 4 && !kLeft && !kRight) {
      float first[4];
      load_four_more(x, first);
      static_for<0, kPixels>([&](auto i) __attribute__((always_inline)) { pixels[i] = i < 4 ? first[i & 3] : x[i]; });
    } else {
      static_for<0, kPixels>([&](auto i) __attribute__((always_inline)) {
        if constexpr (is_inside(i)) pixels[i] = x[i];
      });
    }
  }

  /** sums[p] += Σ pixels[p · kStride + kw] · taps[kw] */
  CORTADO_INLINE void add(const float* taps, float (&sums)[kColumns]) const {
    static_for<0, 3>([&](auto kw) __attribute__((always_inline)) {
      static_for<0, kColumns>([&](auto p) __attribute__((always_inline)) {
        if constexpr (is_inside(p * kStride + kw)) sums[p] = fma(pixels[p * kStride + kw], taps[kw], sums[p]);
      });
    });
  }
};

/** A plane of the image, or what of it a strip works on; `top` and `bottom`: the first or last window reaches out of it. */
template <class Ep>
struct DepthwisePlane {
  const float* x;
  const float* taps;
  float* y;
  const Ep& ep;
  int in_width;
  int out_width;
  int out_height;
  int channel;
  int offset;
  bool top;
  bool bottom;

  template <int kColumns>
  CORTADO_INLINE void finish_row(float* to, const float (&sums)[kColumns]) const {
    const int at = offset + static_cast<int>(to - y);
    float results[kColumns];
    static_for<0, kColumns>([&](auto p) __attribute__((always_inline)) { results[p] = finish<float, PixelLanes>(ep, sums[p], channel, at + p); });
    static_for<0, kColumns>([&](auto p) __attribute__((always_inline)) { to[p] = results[p]; });
  }

  /** Outputs of columns [col, col + kColumns), whose first window begins at column `from` of the image. */
  template <int kStride, int kColumns, bool kLeft, bool kRight>
  CORTADO_INLINE void strip(int col, int from) const {
    using Row = StripRow<kStride, kColumns, kLeft, kRight>;
    const float *w = taps, *row = x + from;
    float* to = y + col;
    // `sums` lacks the window's last row, or last two with stride 2; `next` has the first row of the window below.
    float sums[kColumns] = {}, next[kColumns] = {};
    if (!top) Row(row).add(w, sums), row += in_width;
    if constexpr (kStride == 1) {
      const Row second(row);
      second.add(w + 3, sums), second.add(w, next), row += in_width;
    }
    for (int rows = out_height - (bottom ? 1 : 0); rows > 0; --rows, to += out_width, row += in_width) {
      if constexpr (kStride == 2) Row(row).add(w + 3, sums), row += in_width;
      const Row last(row);
      last.add(w + 6, sums);
      finish_row(to, sums);
      static_for<0, kColumns>([&](auto p) __attribute__((always_inline)) { sums[p] = kStride == 1 ? next[p] : 0.0f, next[p] = 0.0f; });
      if constexpr (kStride == 1) last.add(w + 3, sums), last.add(w, next);
      else last.add(w, sums);
    }
    if (!bottom) return;
    if constexpr (kStride == 2) Row(row).add(w + 3, sums);
    finish_row(to, sums);
  }
};

/** One plane of 3x3 windows. */
template <int kStride, class Ep>
CORTADO_NOINLINE void depthwise_strips(const Conv2dShape& s, const float* x, const float* w, float* y, const Ep& ep, int channel, int offset) {
  float taps[9];
  static_for<0, 9>([&](auto i) __attribute__((always_inline)) { taps[i] = w[i]; });
  const DepthwisePlane<Ep> plane{x,       taps,   y,
                                 ep,      s.in_width, s.out_width, s.out_height,
                                 channel, offset, s.pad_top > 0, (s.out_height - 1) * kStride - s.pad_top + 3 > s.in_height};
  const bool right = (s.out_width - 1) * kStride - s.pad_left + 3 > s.in_width;
  const int end = s.out_width - (right ? 1 : 0);
  int col = 0;
  if (s.pad_left > 0) plane.template strip<kStride, 1, true, false>(col, -s.pad_left), ++col;
  for (; col + 2 <= end; col += 2) plane.template strip<kStride, 2, false, false>(col, col * kStride - s.pad_left);
  if (col < end) plane.template strip<kStride, 1, false, false>(col, col * kStride - s.pad_left);
  if (right) plane.template strip<kStride, 1, false, true>(end, end * kStride - s.pad_left);
}

/** Whether windows are 3x3 and reach one pixel out of the image at most, on one side of it. */
constexpr bool has_strips(const Conv2dShape& s) {
  const int right = (s.out_width - 1) * s.stride_w - s.pad_left + 3 - s.in_width;
  const int bottom = (s.out_height - 1) * s.stride_h - s.pad_top + 3 - s.in_height;
  return s.kernel_w == 3 && s.kernel_h == 3 && s.dilation_w == 1 && s.dilation_h == 1 && s.stride_w == s.stride_h && s.stride_w <= 2 &&
         s.pad_left >= 0 && s.pad_left <= 1 && s.pad_top >= 0 && s.pad_top <= 1 && right <= 1 && bottom <= 1 &&
         s.out_width > s.pad_left && s.in_width >= 3 && s.in_height >= 3 && s.out_height >= 2;
}

/** y = ep(x ∗ w), one filter per channel. Parts split the planes of all images. No scratch. */
template <const Conv2dShape& S, class Ep>
void conv2d_depthwise_strips(Part part, std::int64_t n, const float* x, const float* w, float* y, const Ep& ep) {
  static_assert(S.groups == S.in_channels && S.in_channels == S.out_channels, "depthwise: one filter per channel");
  static_assert(has_strips(S), "3x3 windows that reach one pixel out of the image at most");
  constexpr int x_plane = S.in_height * S.in_width, y_plane = S.out_height * S.out_width;
  const Range share = share_of(part, n * S.in_channels);
  for (int plane = static_cast<int>(share.begin); plane < static_cast<int>(share.end); ++plane) {
    const int channel = plane % S.in_channels;
    depthwise_strips<S.stride_w>(S, x + plane * x_plane, w + channel * 9, y + plane * y_plane, ep, channel, plane * y_plane);
  }
}

}  // namespace cortado
