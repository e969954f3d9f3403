// Convolution, plain → blocked, for the few channels of an image (right for any number). groups = 1.
// The register tile broadcasts straight from the plain rows: kernel columns take the place of channel lanes.
// Weights: [m_tile][c][kh][kw][v][B] (packConv2dFirst).
#pragma once

#include "cortado/conv2d_direct.h"

namespace cortado {

/** Float and no window leaves the image: 0; else sizeof(E) · C · band_height · band_width (as conv2d_direct_scratch_bytes), rounded up to 64; a pointwise convolution is one band. */
template <const Conv2dShape& S, const Conv2dTile& T, class E = float>
constexpr std::size_t conv2d_first_scratch_bytes() {
  const int rows = T.band_rows < S.out_height && !is_pointwise(S) ? T.band_rows : S.out_height;
  const std::int64_t bytes = static_cast<std::int64_t>(sizeof(E)) * S.in_channels * band_height(S, rows) * band_width(S);
  return reads_padding(S) || !std::is_same_v<E, float> ? static_cast<std::size_t>(round_up(bytes, 64)) : 0;
}

/** As conv2d_loops, with x plain: outer steps are channels, lanes are kernel columns. Needs dilation_w = 1. */
template <class E = float>
constexpr ConvLoopsOf<E> conv2d_first_loops(const Conv2dShape& s, const Conv2dTile& t) {
  ConvLoopsOf<E> l = conv2d_loops<E>(s, t);
  const std::int64_t x_plane = static_cast<std::int64_t>(s.in_height) * s.in_width;
  l.x_image = s.x_image_stride != 0 ? s.x_image_stride : s.in_channels * x_plane;
  l.x_group = 0;
  l.x_outer = x_plane;
  l.x_unit = 1;
  l.outer = s.in_channels;
  l.chunk_outer = s.in_channels;
  l.inner = s.dilation_w == 1 ? 1 : s.kernel_w;
  l.lanes = s.dilation_w == 1 ? s.kernel_w : 1;
  l.last_lanes = l.lanes;
  l.w_outer = static_cast<std::int64_t>(s.kernel_h) * l.inner * round_up(l.lanes, kProductLanes<E>) * s.block;
  l.w_vector = l.outer * l.w_outer;
  return l;
}

/** y = ep(x ∗ w), x plain float, y blocked. Bands of x are rounded to E. */
template <const Conv2dShape& S, const Conv2dTile& T, class Ep, class E>
void conv2d_first(Part part, std::int64_t n, const float* x, const E* w, E* y, const Ep& ep, void* scratch) {
  static_assert(S.groups == 1, "the first-layer kernel knows no groups");
  static constexpr ConvLoopsOf<E> kLoops = [] {
    ConvLoopsOf<E> l = conv2d_first_loops<E>(S, T);
    set_conv2d_tiles<S, T, 1, S.dilation_w == 1 && S.kernel_w <= 11 ? S.kernel_w : 0, kNeedsSums<E, Ep>>(l);
    return l;
  }();
  run_conv_loops(part, n, kLoops, x, w, y, epilogue_call<S.block, E>(ep), static_cast<E*>(scratch));
}

}  // namespace cortado
