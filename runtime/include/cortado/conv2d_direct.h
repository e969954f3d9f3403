// Convolution, blocked → blocked. groups = 1 with any channel counts, or whole blocks of channels per group.
// Weights: [group][m_tile][cb][kh][kw][lane c][v][B] (packConv2dDirect): an m_tile is T.vectors vectors of output channels, the
// last of a group maybe fewer; c runs over real input channels only, so garbage in the last block's lanes is never read.
#pragma once

#include "cortado/conv_loops.h"

namespace cortado {

/**
 * 0 if no window leaves the image; else sizeof(E) · round_up(C/groups, B) · band_height · band_width with
 * band_height = (min(band_rows, out_height) − 1)·stride_h + dilation_h·(kernel_h − 1) + 1 and
 * band_width = (out_width − 1)·stride_w + dilation_w·(kernel_w − 1) + 1.
 */
template <const Conv2dShape& S, const Conv2dTile& T, class E = float>
constexpr std::size_t conv2d_direct_scratch_bytes() {
  const int rows = T.band_rows < S.out_height ? T.band_rows : S.out_height;
  const std::int64_t channels = round_up(S.in_channels / S.groups, S.block);
  const std::int64_t elements = channels * band_height(S, rows) * band_width(S);
  return reads_padding(S) ? static_cast<std::size_t>(elements) * sizeof(E) : 0;
}

/** The numbers of conv_loops.h that depend on the shape and the cut alone; x blocked. */
template <class E = float>
constexpr ConvLoopsOf<E> conv2d_loops(const Conv2dShape& s, const Conv2dTile& t) {
  constexpr int pair = kProductLanes<E>;
  ConvLoopsOf<E> l{};
  const int in = s.in_channels / s.groups;
  const int out = s.out_channels / s.groups;
  const std::int64_t in_blocks = ceil_div(in, s.block);
  const std::int64_t x_plane = static_cast<std::int64_t>(s.in_height) * s.in_width * s.block;
  const std::int64_t y_plane = static_cast<std::int64_t>(s.out_height) * s.out_width * s.block;
  const std::int64_t y_vectors = ceil_div(s.out_channels, s.block);
  l.x_image = s.x_image_stride != 0 ? s.x_image_stride : in_blocks * s.groups * x_plane;
  l.x_group = in_blocks * x_plane;
  l.x_outer = x_plane;
  l.x_unit = s.block;
  l.in_height = s.in_height;
  l.in_width = s.in_width;
  l.pad_top = s.pad_top;
  l.pad_left = s.pad_left;
  l.copies_band = reads_padding(s);
  l.band_height_step = s.stride_h;
  l.kernel_extent_h = dilated_extent(s.kernel_h, s.dilation_h);
  l.band_width = band_width(s);
  l.stride_w = s.stride_w;
  l.y_image = s.y_image_stride != 0 ? s.y_image_stride : y_vectors * y_plane;
  l.y_dense_image = y_vectors * y_plane;
  l.y_group = ceil_div(out, s.block) * y_plane;
  l.y_vector = y_plane;
  l.y_row = static_cast<std::int64_t>(s.out_width) * s.block;
  l.y_pixel = s.block;
  l.groups = s.groups;
  l.group_channels_out = out;
  l.block = s.block;
  l.vectors = t.vectors;
  l.group_vectors = static_cast<int>(ceil_div(out, s.block));
  l.w_vector = (static_cast<std::int64_t>(in_blocks - 1) * s.block + round_up(in - (in_blocks - 1) * s.block, pair)) * s.kernel_h * s.kernel_w * s.block;
  l.w_group = l.group_vectors * l.w_vector;
  l.w_outer = static_cast<std::int64_t>(s.block) * s.kernel_h * s.kernel_w * s.block;
  l.outer = static_cast<int>(in_blocks);
  l.chunk_outer = std::is_same_v<E, float> ? t.chunk_blocks : l.outer;
  l.middle = s.kernel_h;
  l.inner = s.kernel_w;
  l.lanes = s.block;
  l.last_lanes = in - (static_cast<int>(in_blocks) - 1) * s.block;
  l.middle_rows = s.dilation_h;
  l.inner_cols = s.dilation_w;
  l.bands_along_cols = is_pointwise(s);
  l.grid = tile_grid(s, t);
  l.long_rows = l.grid.rows.longer() > 0;
  return l;
}

/** Sets the tile functions for pixels of kUnit elements; kLanes as in register_tile. kSums: those with float results. */
template <const Conv2dShape& S, const Conv2dTile& T, int kUnit, int kLanes, bool kSums, class E>
constexpr void set_conv2d_tiles(ConvLoopsOf<E>& l) {
  constexpr TileGrid grid = tile_grid(S, T);
  constexpr bool whole_rows = grid.rows.base() > 1 || grid.rows.longer() > 0;
  constexpr int row_pixels = whole_rows ? S.out_width : 0;
  constexpr bool is_copied = reads_padding(S) || (kUnit == 1 && !std::is_same_v<E, float>);
  constexpr int row_stride = whole_rows ? S.stride_h * kUnit * (is_copied ? band_width(S) : S.in_width) : 0;
  constexpr int shorter = grid.rows.base() * grid.cols.base();
  constexpr int longer = (grid.rows.base() + (grid.rows.longer() > 0 ? 1 : 0)) * (grid.cols.base() + (grid.cols.longer() > 0 ? 1 : 0));
  constexpr int group_vectors = static_cast<int>(ceil_div(S.out_channels / S.groups, S.block));
  constexpr int vectors = group_vectors < T.vectors ? group_vectors : T.vectors;
  l.vectors = vectors;
  if constexpr (kSums) {
    set_tile_functions<S.block, vectors, group_vectors % vectors, shorter, longer, S.stride_w * kUnit, row_pixels, row_stride, kLanes>(l.sums_tile);
  } else {
    set_tile_functions<S.block, vectors, group_vectors % vectors, shorter, longer, S.stride_w * kUnit, row_pixels, row_stride, kLanes>(l.tile);
  }
}

/** y = ep(x ∗ w). The runtime's static split: items are (image, group, band, output tile). */
template <const Conv2dShape& S, const Conv2dTile& T, class Ep, class E>
void conv2d_direct(Part part, std::int64_t n, const E* x, const E* w, E* y, const Ep& ep, void* scratch) {
  static_assert(S.groups == 1 || (S.in_channels / S.groups % S.block == 0 && S.out_channels / S.groups % S.block == 0),
                "a group must be whole blocks of channels");
  static constexpr ConvLoopsOf<E> kLoops = [] {
    ConvLoopsOf<E> l = conv2d_loops<E>(S, T);
    set_conv2d_tiles<S, T, S.block, 0, kNeedsSums<E, Ep>>(l);
    return l;
  }();
  run_conv_loops(part, n, kLoops, x, w, y, epilogue_call<S.block, E>(ep), static_cast<E*>(scratch));
}

}  // namespace cortado
