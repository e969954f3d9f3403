// Convolution, plain → blocked, for the few channels of an image (right for any number). groups = 1.
// The register tile broadcasts straight from the plain rows: kernel columns take the place of channel lanes.
// Weights: [m_tile][c][kh][kw][v][B] (packConv2dFirst).
#pragma once

#include "cortado/conv2d_direct.h"

namespace cortado {

/** 0 if no window leaves the image; else 4 · C · band_height · band_width (as conv2d_direct_scratch_bytes), rounded up to 64. */
template <const Conv2dShape& S, const Conv2dTile& T>
constexpr std::size_t conv2d_first_scratch_bytes() {
  const int rows = T.band_rows < S.out_height ? T.band_rows : S.out_height;
  const std::int64_t bytes = std::int64_t{4} * S.in_channels * band_height(S, rows) * band_width(S);
  return reads_padding(S) ? static_cast<std::size_t>(round_up(bytes, 64)) : 0;
}

/** As conv2d_loops, with x plain: outer steps are channels, lanes are kernel columns. Needs dilation_w = 1. */
constexpr ConvLoops conv2d_first_loops(const Conv2dShape& s, const Conv2dTile& t) {
  ConvLoops l = conv2d_loops(s, t);
  const std::int64_t x_plane = static_cast<std::int64_t>(s.in_height) * s.in_width;
  l.x_image = s.x_image_stride != 0 ? s.x_image_stride : s.in_channels * x_plane;
  l.x_group = 0;
  l.x_outer = x_plane;
  l.x_unit = 1;
  l.w_outer = static_cast<std::int64_t>(s.kernel_h) * s.kernel_w * s.block;
  l.outer = s.in_channels;
  l.chunk_outer = s.in_channels;
  l.inner = s.dilation_w == 1 ? 1 : s.kernel_w;
  l.lanes = s.dilation_w == 1 ? s.kernel_w : 1;
  l.last_lanes = l.lanes;
  return l;
}

/** y = ep(x ∗ w), x plain, y blocked. */
template <const Conv2dShape& S, const Conv2dTile& T, class Ep>
void conv2d_first(Part part, std::int64_t n, const float* x, const float* w, float* y, const Ep& ep, void* scratch) {
  static_assert(S.groups == 1, "the first-layer kernel knows no groups");
  static constexpr ConvLoops kLoops = [] {
    ConvLoops l = conv2d_first_loops(S, T);
    set_conv2d_tiles<S, T, 1, S.dilation_w == 1 && S.kernel_w <= 11 ? S.kernel_w : 0>(l);
    return l;
  }();
  run_conv_loops(part, n, kLoops, x, w, y, epilogue_call<S.block>(ep), static_cast<float*>(scratch));
}

}  // namespace cortado
