// Transposed convolution without scattering: outputs of one phase (row mod stride_h, column mod stride_w) all see the same
// taps, so each phase is a stride-1 convolution of x whose outputs lie stride pixels apart.
//   y[q·s + f] = Σ_j x[q + ⌊(f + pad)/s⌋ − j] · w[(f + pad) mod s + s·j]
// Weights of the blocked kernel (packConv2dTranspose): [phase][m_tile][cb][kh'][kw'][c][v][B], taps of a phase in descending order.
#pragma once

#include "cortado/conv2d_direct.h"
#include "cortado/conv_generic.h"

namespace cortado {

/** Taps that reach outputs of a phase. Kernel 3, stride 2, pad 1: phase 0 has one (k = 1), phase 1 two (k = 2, 0). */
constexpr int phase_taps(int phase, int kernel, int stride, int pad) {
  const int first = (phase + pad) % stride;
  return first < kernel ? (kernel - first - 1) / stride + 1 : 0;
}

constexpr int phase_outputs(int phase, int out, int stride) { return phase < out ? (out - phase - 1) / stride + 1 : 0; }

/** The convolution that computes one phase. */
constexpr Conv2dShape phase_shape(const Conv2dShape& s, int phase_h, int phase_w) {
  Conv2dShape p = s;
  p.kernel_h = phase_taps(phase_h, s.kernel_h, s.stride_h, s.pad_top);
  p.kernel_w = phase_taps(phase_w, s.kernel_w, s.stride_w, s.pad_left);
  p.out_height = phase_outputs(phase_h, s.out_height, s.stride_h);
  p.out_width = phase_outputs(phase_w, s.out_width, s.stride_w);
  p.stride_h = 1;
  p.stride_w = 1;
  const bool is_empty = p.kernel_h == 0 || p.kernel_w == 0;
  p.pad_top = is_empty ? 0 : p.kernel_h - 1 - (phase_h + s.pad_top) / s.stride_h;
  p.pad_left = is_empty ? 0 : p.kernel_w - 1 - (phase_w + s.pad_left) / s.stride_w;
  return p;
}

/** Tiles that lie in one row, because neighbouring rows of a phase are apart in y. */
constexpr TileGrid phase_grid(const Conv2dShape& p, const Conv2dTile& t) {
  return TileGrid{Split{p.out_height, p.out_height}, split_by(p.out_width, t.pixels), t.band_rows < p.out_height ? t.band_rows : p.out_height};
}

template <const Conv2dShape& S, const Conv2dTile& T, int kPhaseH, int kPhaseW, bool kSums, class E>
constexpr ConvLoopsOf<E> phase_loops() {
  constexpr Conv2dShape p = phase_shape(S, kPhaseH, kPhaseW);
  constexpr TileGrid grid = phase_grid(p, T);
  constexpr int all_vectors = static_cast<int>(ceil_div(S.out_channels, S.block));
  constexpr int vectors = all_vectors < T.vectors ? all_vectors : T.vectors;
  ConvLoopsOf<E> l = conv2d_loops<E>(p, T);
  const bool is_empty = p.kernel_h == 0 || p.kernel_w == 0;
  const std::int64_t y_plane = static_cast<std::int64_t>(S.out_height) * S.out_width * S.block;
  l.copies_band = !is_empty && reads_padding(p);
  l.middle = is_empty ? 0 : p.kernel_h;
  l.chunk_outer = l.outer;
  l.y_image = S.y_image_stride != 0 ? S.y_image_stride : all_vectors * y_plane;
  l.y_dense_image = all_vectors * y_plane;
  l.y_vector = y_plane;
  l.y_row = static_cast<std::int64_t>(S.stride_h) * S.out_width * S.block;
  l.y_pixel = static_cast<std::int64_t>(S.stride_w) * S.block;
  l.y_offset = (static_cast<std::int64_t>(kPhaseH) * S.out_width + kPhaseW) * S.block;
  l.vectors = vectors;
  l.bands_along_cols = false;
  l.grid = grid;
  l.long_rows = false;
  constexpr int longer = grid.cols.base() + (grid.cols.longer() > 0 ? 1 : 0);
  if constexpr (kSums) {
    set_tile_functions<S.block, vectors, all_vectors % vectors, grid.cols.base(), longer, S.block, 0, 0, 0>(l.sums_tile);
  } else {
    set_tile_functions<S.block, vectors, all_vectors % vectors, grid.cols.base(), longer, S.block, 0, 0, 0>(l.tile);
  }
  return l;
}

/** sizeof(E) · round_up(C, B) · (min(band_rows, ⌈OH/sh⌉) − 1 + ⌈kh/sh⌉) · (⌈OW/sw⌉ − 1 + ⌈kw/sw⌉). */
template <const Conv2dShape& S, const Conv2dTile& T, class E = float>
constexpr std::size_t conv2d_transpose_scratch_bytes() {
  const std::int64_t rows = min_of(T.band_rows, ceil_div(S.out_height, S.stride_h)) - 1 + ceil_div(S.kernel_h, S.stride_h);
  const std::int64_t cols = ceil_div(S.out_width, S.stride_w) - 1 + ceil_div(S.kernel_w, S.stride_w);
  return static_cast<std::size_t>(round_up(S.in_channels, S.block) * rows * cols) * sizeof(E);
}

/** y = ep(x transposed-∗ w), blocked → blocked. S describes the node: in = x, out = y, pads and strides as Caffe2 gives them. */
template <const Conv2dShape& S, const Conv2dTile& T, class Ep, class E>
void conv2d_transpose(Part part, std::int64_t n, const E* x, const E* w, E* y, const Ep& ep, void* scratch) {
  static_assert(S.groups == 1 && S.dilation_h == 1 && S.dilation_w == 1, "groups and dilation: use conv_transpose_generic");
  static_assert(S.pad_top >= 0 && S.pad_left >= 0);
  const EpilogueCall<E> call = epilogue_call<S.block, E>(ep);
  static_for<0, S.stride_h>([&](auto phase_h) {
    static_for<0, S.stride_w>([&](auto phase_w) {
      constexpr int fh = decltype(phase_h)::value, fw = decltype(phase_w)::value;
      if constexpr (fh < S.out_height && fw < S.out_width) {
        static constexpr ConvLoopsOf<E> kLoops = phase_loops<S, T, fh, fw, kNeedsSums<E, Ep>, E>();
        run_conv_loops(part, n, kLoops, x, w, y, call, static_cast<E*>(scratch));
      }
      constexpr Conv2dShape p = phase_shape(S, fh, fw);
      w += round_up(S.out_channels, S.block) * round_up(S.in_channels, kProductLanes<E>) * p.kernel_h * p.kernel_w;
    });
  });
}

/** y[i·stride − pad + k] += weight · x[i] for the outputs that exist. */
CORTADO_INLINE void spread_row(const float* x, std::int64_t in, float weight, std::int64_t shift, std::int64_t stride, float* y, std::int64_t out) {
  const std::int64_t begin = shift >= 0 ? 0 : ceil_div(-shift, stride);
  const std::int64_t end = out - shift <= 0 ? 0 : min_of(in, ceil_div(out - shift, stride));
  for (std::int64_t i = begin; i < end; ++i) y[i * stride + shift] += weight * x[i];
}

/** One output row (n, m, od, oh) before the epilogue. w: [c][m/groups][kd][kh][kw], offset to output channel m. */
inline void conv_transpose_row(const ConvDims& d, const float* x, const float* w, std::int64_t od, std::int64_t oh, float* y) {
  const std::int64_t taps = d.kernel[0] * d.kernel[1] * d.kernel[2];
  const std::int64_t w_channel = d.out_channels / d.groups * taps;
  for (std::int64_t ow = 0; ow < d.out[2]; ++ow) y[ow] = 0.0f;
  for (std::int64_t c = 0; c < d.in_channels / d.groups; ++c) {
    for (std::int64_t kd = 0; kd < d.kernel[0]; ++kd) {
      const std::int64_t scaled_d = od + d.pad[0] - kd * d.dilation[0];
      if (scaled_d < 0 || scaled_d % d.stride[0] != 0 || scaled_d / d.stride[0] >= d.in[0]) continue;
      for (std::int64_t kh = 0; kh < d.kernel[1]; ++kh) {
        const std::int64_t scaled_h = oh + d.pad[1] - kh * d.dilation[1];
        if (scaled_h < 0 || scaled_h % d.stride[1] != 0 || scaled_h / d.stride[1] >= d.in[1]) continue;
        const float* row = x + ((c * d.in[0] + scaled_d / d.stride[0]) * d.in[1] + scaled_h / d.stride[1]) * d.in[2];
        const float* weights = w + c * w_channel + (kd * d.kernel[1] + kh) * d.kernel[2];
        for (std::int64_t kw = 0; kw < d.kernel[2]; ++kw) {
          spread_row(row, d.in[2], weights[kw], kw * d.dilation[2] - d.pad[2], d.stride[2], y, d.out[2]);
        }
      }
    }
  }
}

/** y = ep(x transposed-∗ w), plain → plain, any groups. Parts split the output rows. */
template <class Ep>
void conv_transpose_generic(Part part, std::int64_t n, const ConvDims& d, const float* x, const float* w, float* y, const Ep& ep) {
  const std::int64_t in_group = d.in_channels / d.groups, out_group = d.out_channels / d.groups;
  const std::int64_t x_plane = d.in[0] * d.in[1] * d.in[2], taps = d.kernel[0] * d.kernel[1] * d.kernel[2];
  const Range share = share_of(part, n * d.out_channels * d.out[0] * d.out[1]);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t oh = item % d.out[1];
    const std::int64_t od = item / d.out[1] % d.out[0];
    const std::int64_t m = item / d.out[1] / d.out[0] % d.out_channels;
    const std::int64_t image = item / d.out[1] / d.out[0] / d.out_channels;
    const std::int64_t group = m / out_group;
    float* row = y + item * d.out[2];
    conv_transpose_row(d, x + (image * d.in_channels + group * in_group) * x_plane, w + (group * in_group * out_group + m % out_group) * taps, od, oh, row);
    finish_plain_row(row, d.out[2], ep, m, item * d.out[2]);
  }
}

}  // namespace cortado
