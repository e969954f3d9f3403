// Convolution on cores without vectors, plain → plain. No scratch: rows outside the image are left out of the loops; pixels
// whose window leaves it sideways are tiles of their own, one pixel wide.
// Weights (packConv2dScalar): [group][m_tile of 4][c][kh][kw][4], zero past the last channel of a group.
#pragma once

#include "cortado/conv2d_shape.h"
#include "cortado/scalar_tile.h"

namespace cortado {

/** Taps of a window that lie inside the image along one axis. */
struct ScalarTaps {
  int begin;
  int end;
};

CORTADO_INLINE ScalarTaps scalar_taps(int start, int dilation, int kernel, int in) {
  ScalarTaps taps{0, kernel};
  while (taps.begin < kernel && start + taps.begin * dilation < 0) ++taps.begin;
  while (taps.end > taps.begin && start + (taps.end - 1) * dilation >= in) --taps.end;
  return taps;
}

/** First and past-the-last output whose window lies inside along one axis. */
CORTADO_INLINE ScalarTaps scalar_inside(int in, int out, int extent, int stride, int pad) {
  const int begin = pad <= 0 ? 0 : (pad + stride - 1) / stride;
  const int room = in - extent + pad;
  const int end = room < 0 ? 0 : room / stride + 1;
  return ScalarTaps{begin < out ? begin : out, end < out ? end : out};
}

/** Everything that stays the same for all tiles of a convolution. */
template <class Ep>
struct ScalarConv {
  const Conv2dShape& shape;
  const Ep& ep;
  int group_channels;
  int x_plane;
  int y_plane;

  /** One output pixel, or four neighbours whose windows are whole. */
  template <int kPixels, int kStride>
  CORTADO_INLINE void tile(const float* x, const float* w, float* y, int row, int col, ScalarTaps rows, ScalarTaps cols, int channels, int channel, int offset) const {
    const Conv2dShape& s = shape;
    const int skipped_cols = s.kernel_w - (cols.end - cols.begin), skipped_rows = s.kernel_h - (rows.end - rows.begin);
    const ScalarLoops loops{group_channels,          rows.end - rows.begin,
                            cols.end - cols.begin,   x_plane,
                            s.dilation_h * s.in_width, s.dilation_w,
                            skipped_rows * s.kernel_w * kScalarChannels, skipped_cols * kScalarChannels};
    const int ih = row * s.stride_h - s.pad_top + rows.begin * s.dilation_h;
    const int iw = col * s.stride_w - s.pad_left + cols.begin * s.dilation_w;
    const int at = row * s.out_width + col;
    scalar_tile<kPixels, kStride>(loops, x + ih * s.in_width + iw, w + (rows.begin * s.kernel_w + cols.begin) * kScalarChannels, y + at, y_plane,
                                  channels, ep, channel, offset + at);
  }

  /** Four output channels of one image and group. */
  template <int kStride>
  CORTADO_INLINE void channels_of(const float* x, const float* w, float* y, int channels, int channel, int offset) const {
    const Conv2dShape& s = shape;
    const ScalarTaps inside = scalar_inside(s.in_width, s.out_width, dilated_extent(s.kernel_w, s.dilation_w), s.stride_w, s.pad_left);
    const ScalarTaps whole{0, s.kernel_w};
    for (int row = 0; row < s.out_height; ++row) {
      const ScalarTaps rows = scalar_taps(row * s.stride_h - s.pad_top, s.dilation_h, s.kernel_h, s.in_height);
      for (int col = 0; col < s.out_width;) {
        const int left = inside.end - col;
        if (col >= inside.begin && left >= 3 && inside.end - inside.begin >= 4) {
          // Three pixels that remain are computed together with one more that already is.
          tile<4, kStride>(x, w, y, row, left == 3 ? col - 1 : col, rows, whole, channels, channel, offset);
          col += left == 3 ? 3 : 4;
        } else {
          const ScalarTaps cols = scalar_taps(col * s.stride_w - s.pad_left, s.dilation_w, s.kernel_w, s.in_width);
          tile<1, 1>(x, w, y, row, col, rows, cols, channels, channel, offset);
          ++col;
        }
      }
    }
  }

  /** The same for a pointwise convolution, whose image is one row. */
  CORTADO_INLINE void pointwise(const float* x, const float* w, float* y, int channels, int channel, int offset) const {
    const ScalarLoops loops{1, 1, group_channels, 0, 0, x_plane, 0, 0};
    int pixel = 0;
    for (; pixel + 4 <= x_plane; pixel += 4) scalar_tile<4, 1>(loops, x + pixel, w, y + pixel, y_plane, channels, ep, channel, offset + pixel);
    for (; pixel < x_plane; ++pixel) scalar_tile<1, 1>(loops, x + pixel, w, y + pixel, y_plane, channels, ep, channel, offset + pixel);
  }
};

template <int kStride, class Ep>
CORTADO_NOINLINE void run_conv2d_scalar(Part part, int n, const Conv2dShape& s, const float* x, const float* w, float* y, const Ep& ep) {
  const int group_in = s.in_channels / s.groups, group_out = s.out_channels / s.groups;
  const int tiles = (group_out + kScalarChannels - 1) / kScalarChannels;
  const ScalarConv<Ep> conv{s, ep, group_in, s.in_height * s.in_width, s.out_height * s.out_width};
  const int w_tile = group_in * s.kernel_h * s.kernel_w * kScalarChannels;
  const Range share = share_of(part, static_cast<std::int64_t>(n) * s.groups * tiles);
  for (int item = static_cast<int>(share.begin); item < static_cast<int>(share.end); ++item) {
    const int tile = item % tiles, group = item / tiles % s.groups, image = item / tiles / s.groups;
    const int first = tile * kScalarChannels, channel = group * group_out + first;
    const int channels = group_out - first < kScalarChannels ? group_out - first : kScalarChannels;
    const float* const source = x + (image * s.in_channels + group * group_in) * conv.x_plane;
    const float* const weights = w + (group * tiles + tile) * w_tile;
    const int offset = (image * s.out_channels + channel) * conv.y_plane;
    if (is_pointwise(s)) conv.pointwise(source, weights, y + offset, channels, channel, offset);
    else conv.template channels_of<kStride>(source, weights, y + offset, channels, channel, offset);
  }
}

/** y = ep(x ∗ w). Parts split the tiles of output channels of all images. Dense tensors below 2^31 floats. */
template <const Conv2dShape& S, class Ep>
void conv2d_scalar(Part part, std::int64_t n, const float* x, const float* w, float* y, const Ep& ep) {
  run_conv2d_scalar<S.stride_w, Ep>(part, static_cast<int>(n), S, x, w, y, ep);
}

}  // namespace cortado
