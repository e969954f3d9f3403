// Depthwise convolution on cores without vectors, plain → plain, of any windows (3x3 ones: conv2d_depthwise_strips.h). Input
// rows are copied once, with their padding, into a ring of as many rows as a window has: from there on every window is whole.
// Weights: [c][kh][kw], as the net has them.
#pragma once

#include "cortado/conv2d_scalar.h"

namespace cortado {

/** Columns of a row with its padding. */
constexpr int depthwise_ring_width(const Conv2dShape& s) {
  return (s.out_width - 1) * s.stride_w + dilated_extent(s.kernel_w, s.dilation_w);
}

/** The last rows of a plane, widened by their padding. */
struct RowRing {
  const Conv2dShape& s;
  const float* plane;
  float* rows;
  int width;
  int height;
  int next; /**< The next input row to copy. */

  CORTADO_INLINE const float* row(int ih) const { return rows + (ih + s.pad_top) % height * width; }

  /** Copies rows up to ih (excluded). */
  CORTADO_INLINE void fill(int ih) {
    for (; next < ih; ++next) copy_row(rows + (next + s.pad_top) % height * width);
  }

  CORTADO_NOINLINE void copy_row(float* to) const {
    const int lead = s.pad_left > 0 ? s.pad_left : 0, from = s.pad_left < 0 ? -s.pad_left : 0;
    const int room = width - lead, there = s.in_width - from;
    const int count = next < 0 || next >= s.in_height ? 0 : there < room ? there : room;
    const float* source = plane + next * s.in_width + from;
    float* const end = to + width;
    for (int i = count > 0 ? lead : 0; i > 0; --i) *to++ = 0.0f;
    for (int i = count; i > 0; --i) *to++ = *source++;
    while (to < end) *to++ = 0.0f;
  }
};

/** One plane of any windows. */
template <class Ep>
CORTADO_NOINLINE void depthwise_windows(const Conv2dShape& s, const float* x, const float* w, float* y, const Ep& ep, int channel, int offset, float* ring) {
  RowRing rows{s, x, ring, depthwise_ring_width(s), dilated_extent(s.kernel_h, s.dilation_h), -s.pad_top};
  for (int row = 0; row < s.out_height; ++row, y += s.out_width, offset += s.out_width) {
    const int top = row * s.stride_h - s.pad_top;
    if (rows.next < top) rows.next = top;
    rows.fill(top + rows.height);
    for (int col = 0; col < s.out_width; ++col) {
      float sum = 0.0f;
      for (int kh = 0; kh < s.kernel_h; ++kh) {
        const float* const from = rows.row(top + kh * s.dilation_h) + col * s.stride_w;
        for (int kw = 0; kw < s.kernel_w; ++kw) sum = fma(from[kw * s.dilation_w], w[kh * s.kernel_w + kw], sum);
      }
      y[col] = finish<float, PixelLanes>(ep, sum, channel, offset + col);
    }
  }
}

/** 4 · window height · ring width, rounded up to 64. */
template <const Conv2dShape& S>
constexpr std::size_t conv2d_depthwise_scalar_scratch_bytes() {
  return static_cast<std::size_t>(round_up(std::int64_t{4} * dilated_extent(S.kernel_h, S.dilation_h) * depthwise_ring_width(S), 64));
}

/** y = ep(x ∗ w), one filter per channel. Parts split the planes of all images. */
template <const Conv2dShape& S, class Ep>
void conv2d_depthwise_scalar(Part part, std::int64_t n, const float* x, const float* w, float* y, const Ep& ep, void* scratch) {
  static_assert(S.groups == S.in_channels && S.in_channels == S.out_channels, "depthwise: one filter per channel");
  constexpr int x_plane = S.in_height * S.in_width, y_plane = S.out_height * S.out_width;
  const Range share = share_of(part, n * S.in_channels);
  for (int plane = static_cast<int>(share.begin); plane < static_cast<int>(share.end); ++plane) {
    const int channel = plane % S.in_channels;
    const float *const from = x + plane * x_plane, *const own = w + channel * S.kernel_h * S.kernel_w;
    float* const to = y + plane * y_plane;
    depthwise_windows(S, from, own, to, ep, channel, plane * y_plane, static_cast<float*>(scratch));
  }
}

}  // namespace cortado
