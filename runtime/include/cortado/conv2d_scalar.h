// Convolution on cores without vectors, plain → plain. No scratch: taps outside the image are left out of the loops. Tiles
// are four pixels of a row where windows are whole sideways, else four of a column, else single pixels.
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

/** The longest run of tiles of four from `begin` on; three that remain are a tile with one that already is done. */
struct ScalarRun {
  int begin;
  int tiles;
  int last; /**< Where the overlapping tile begins, or -1. */
  int end;
};

CORTADO_INLINE ScalarRun scalar_run(ScalarTaps range) {
  const int count = range.end - range.begin, tiles = count / 4;
  const bool overlaps = count % 4 == 3 && tiles > 0;
  return ScalarRun{range.begin, tiles, overlaps ? range.end - 4 : -1, overlaps ? range.end : range.begin + tiles * 4};
}

/** Four output channels of one image and group. */
template <class Ep>
struct ScalarConv {
  const Conv2dShape& s;
  const Ep& ep;
  const float* x;
  const float* w;
  float* y;
  int group_channels;
  ScalarPlace place;

  /** `tiles` tiles of pixels from (row, col) on, whose windows have the same taps inside the image. */
  template <int kPixels, int kStride>
  CORTADO_INLINE void tiles_at(int row, int col, ScalarTaps rows, ScalarTaps cols, int tiles) const {
    const int y_plane = s.out_height * s.out_width;
    const ScalarLoops loops{group_channels,
                            rows.end - rows.begin,
                            cols.end - cols.begin,
                            s.in_height * s.in_width,
                            s.dilation_h * s.in_width,
                            s.dilation_w,
                            (s.kernel_h - (rows.end - rows.begin)) * s.kernel_w * kScalarChannels,
                            (s.kernel_w - (cols.end - cols.begin)) * kScalarChannels,
                            y_plane,
                            s.stride_h * s.in_width,
                            s.out_width};
    const int ih = row * s.stride_h - s.pad_top + rows.begin * s.dilation_h;
    const int iw = col * s.stride_w - s.pad_left + cols.begin * s.dilation_w;
    const int at = row * s.out_width + col;
    scalar_tiles<kPixels, kStride>(loops, x + ih * s.in_width + iw, w + (rows.begin * s.kernel_w + cols.begin) * kScalarChannels, y + at, ep,
                                   ScalarPlace{place.channels, place.channel, place.offset + at}, tiles);
  }

  CORTADO_INLINE ScalarTaps rows_of(int row) const { return scalar_taps(row * s.stride_h - s.pad_top, s.dilation_h, s.kernel_h, s.in_height); }

  /** Rows of tiles where windows are whole sideways. */
  template <int kStride>
  CORTADO_INLINE void wide_part(ScalarRun run) const {
    const ScalarTaps cols{0, s.kernel_w};
    for (int row = 0; row < s.out_height; ++row) {
      const ScalarTaps rows = rows_of(row);
      tiles_at<4, kStride>(row, run.begin, rows, cols, run.tiles);
      if (run.last >= 0) tiles_at<4, kStride>(row, run.last, rows, cols, 1);
    }
  }

  /** One column: tiles of four rows where windows are whole in height, single pixels elsewhere. */
  CORTADO_NOINLINE void column(int col, ScalarRun run) const {
    const ScalarTaps cols = scalar_taps(col * s.stride_w - s.pad_left, s.dilation_w, s.kernel_w, s.in_width);
    if (run.tiles > 0) tiles_at<4, 0>(run.begin, col, ScalarTaps{0, s.kernel_h}, cols, run.tiles);
    if (run.last >= 0) tiles_at<4, 0>(run.last, col, ScalarTaps{0, s.kernel_h}, cols, 1);
    for (int row = 0; row < s.out_height; ++row) {
      if (row == run.begin) row = run.end;
      if (row < s.out_height) tiles_at<1, 0>(row, col, rows_of(row), cols, 1);
    }
  }

  template <int kStride>
  CORTADO_INLINE void run() const {
    const ScalarTaps inside_cols = scalar_inside(s.in_width, s.out_width, dilated_extent(s.kernel_w, s.dilation_w), s.stride_w, s.pad_left);
    const ScalarTaps inside_rows = scalar_inside(s.in_height, s.out_height, dilated_extent(s.kernel_h, s.dilation_h), s.stride_h, s.pad_top);
    const ScalarRun wide = scalar_run(inside_cols), high = scalar_run(inside_rows);
    if (wide.tiles > 0) wide_part<kStride>(wide);
    for (int col = 0; col < s.out_width; ++col) {
      if (col == wide.begin) col = wide.end;
      if (col < s.out_width) column(col, high);
    }
  }

  /** A pointwise convolution, whose image is one row. */
  CORTADO_INLINE void pointwise() const {
    const int plane = s.in_height * s.in_width, done = plane / 4 * 4;
    const ScalarLoops loops{1, 1, group_channels, 0, 0, plane, 0, 0, plane, 1, 1};
    scalar_tiles<4, 1>(loops, x, w, y, ep, place, plane / 4);
    scalar_tiles<1, 0>(loops, x + done, w, y + done, ep, ScalarPlace{place.channels, place.channel, place.offset + done}, plane - done);
  }
};

template <int kStride, class Ep>
CORTADO_NOINLINE void run_conv2d_scalar(Part part, int n, const Conv2dShape& s, const float* x, const float* w, float* y, const Ep& ep) {
  const int group_in = s.in_channels / s.groups, group_out = s.out_channels / s.groups;
  const int tiles = (group_out + kScalarChannels - 1) / kScalarChannels;
  const int x_plane = s.in_height * s.in_width, y_plane = s.out_height * s.out_width;
  const int w_tile = group_in * s.kernel_h * s.kernel_w * kScalarChannels;
  const Range share = share_of(part, static_cast<std::int64_t>(n) * s.groups * tiles);
  for (int item = static_cast<int>(share.begin); item < static_cast<int>(share.end); ++item) {
    const int tile = item % tiles, group = item / tiles % s.groups, image = item / tiles / s.groups;
    const int first = tile * kScalarChannels, channel = group * group_out + first;
    const int channels = group_out - first < kScalarChannels ? group_out - first : kScalarChannels;
    const int offset = (image * s.out_channels + channel) * y_plane;
    const ScalarConv<Ep> conv{s, ep, x + (image * s.in_channels + group * group_in) * x_plane, w + (group * tiles + tile) * w_tile, y + offset,
                              group_in, ScalarPlace{channels, channel, offset}};
    if (is_pointwise(s)) conv.pointwise();
    else conv.template run<kStride>();
  }
}

/** y = ep(x ∗ w). Parts split the tiles of output channels of all images. Dense tensors below 2^31 floats. */
template <const Conv2dShape& S, class Ep>
void conv2d_scalar(Part part, std::int64_t n, const float* x, const float* w, float* y, const Ep& ep) {
  run_conv2d_scalar<S.stride_w, Ep>(part, static_cast<int>(n), S, x, w, y, ep);
}

}  // namespace cortado
