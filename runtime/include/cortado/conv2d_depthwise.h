// Depthwise convolution, blocked → blocked: groups = in_channels = out_channels, lanes are channels.
// Nothing is copied: rows outside the image are left out of the loop, and the few output columns whose window leaves the
// image take a slower path. x and y are floats, bf16 or halves, weights W floats; or halves, as x then is, whose few products are summed
// as products.h sums halves. Weights: [cb][kh][kw][B], zero past the last channel (packConv2dDepthwise).
#pragma once

#include "cortado/conv2d_shape.h"
#include "cortado/epilogue.h"
#include "cortado/products.h"

namespace cortado {

/** Elements of x as weights of type W are multiplied with them: widened if these are floats. */
template <class W, class F, class E>
CORTADO_INLINE typename Products<W, F>::Sum depthwise_input(const E* x) {
  if constexpr (std::is_same_v<W, float>) {
    return load<F>(x);
  } else {
    return Products<W, F>::row(x);
  }
}

/** kPixels neighbouring outputs of one row whose columns are all inside; x: first column of the first window, first valid row. */
template <const Conv2dShape& S, int kPixels, class Ep, class E, class W>
CORTADO_INLINE void depthwise_tile(const E* x, const W* w, int kernel_rows, E* y, const Ep& ep, std::int64_t channel,
                                   std::int64_t offset) {
  constexpr int B = S.block;
  using F = Vec<float, B>;
  using P = Products<W, F>;
  typename P::Sum acc[kPixels] = {};
  for (int kh = 0; kh < kernel_rows; ++kh) {
    static_for<0, S.kernel_w>([&](auto kw) __attribute__((always_inline)) {
      const auto filter = P::weights(w + kw * B);
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
        acc[p] = P::multiply(acc[p], depthwise_input<W, F>(x + (p * S.stride_w + kw * S.dilation_w) * B), filter);
      });
    });
    x += static_cast<std::int64_t>(S.dilation_h) * S.in_width * B;
    w += S.kernel_w * B;
  }
  static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
    store(y + p * B, finish<F, ChannelLanes>(ep, P::widen(acc[p]), channel, offset + p * B));
  });
}

/** One output whose window may leave the image sideways; x: the row's first pixel. */
template <const Conv2dShape& S, class Ep, class E, class W>
CORTADO_INLINE void depthwise_border(const E* x, const W* w, int kernel_rows, int col, E* y, const Ep& ep,
                                     std::int64_t channel, std::int64_t offset) {
  constexpr int B = S.block;
  using F = Vec<float, B>;
  using P = Products<W, F>;
  typename P::Sum acc{};
  for (int kh = 0; kh < kernel_rows; ++kh) {
    for (int kw = 0; kw < S.kernel_w; ++kw) {
      const int iw = col * S.stride_w - S.pad_left + kw * S.dilation_w;
      if (iw < 0 || iw >= S.in_width) continue;
      acc = P::multiply(acc, depthwise_input<W, F>(x + iw * B), P::weights(w + kw * B));
    }
    x += static_cast<std::int64_t>(S.dilation_h) * S.in_width * B;
    w += S.kernel_w * B;
  }
  store(y, finish<F, ChannelLanes>(ep, P::widen(acc), channel, offset));
}

/** One output row of one block of channels. */
template <const Conv2dShape& S, class Ep, class E, class W>
CORTADO_NOINLINE void depthwise_row(const E* x, const W* w, int row, E* y, const Ep& ep, std::int64_t channel,
                                    std::int64_t offset) {
  constexpr int B = S.block;
  constexpr int begin = first_inside(S.pad_left, S.stride_w);
  constexpr int end = last_inside(S.in_width, S.out_width, dilated_extent(S.kernel_w, S.dilation_w), S.stride_w, S.pad_left);
  constexpr int pixels = CORTADO_VECTOR_BYTES == 64 ? 14 : 6;
  constexpr int inside = end > begin ? end - begin : 0;
  constexpr Split tiles = split_by(inside > 0 ? inside : 1, pixels);
  const int top = row * S.stride_h - S.pad_top;
  const int first = top < 0 ? static_cast<int>(ceil_div(-top, S.dilation_h)) : 0;
  const int fitting = S.in_height > top ? static_cast<int>(ceil_div(S.in_height - top, S.dilation_h)) : 0;
  const int last = fitting < S.kernel_h ? fitting : S.kernel_h;
  const int kernel_rows = last > first ? last - first : 0;
  const W* row_w = w + first * S.kernel_w * B;
  const E* row_x = kernel_rows > 0 ? x + (static_cast<std::int64_t>(top) + first * S.dilation_h) * S.in_width * B : x;
  constexpr int left_end = inside > 0 ? begin : S.out_width;
  for (int col = 0; col < left_end; ++col) depthwise_border<S>(row_x, row_w, kernel_rows, col, y + col * B, ep, channel, offset + col * B);
  if constexpr (inside > 0) {
    int col = begin;
    for (int tile = 0; tile < tiles.longer(); ++tile, col += tiles.base() + 1) {
      depthwise_tile<S, tiles.base() + (tiles.longer() > 0 ? 1 : 0)>(row_x + (col * S.stride_w - S.pad_left) * B, row_w, kernel_rows,
                                                                    y + col * B, ep, channel, offset + col * B);
    }
    for (; col < end; col += tiles.base()) {
      depthwise_tile<S, tiles.base()>(row_x + (col * S.stride_w - S.pad_left) * B, row_w, kernel_rows, y + col * B, ep, channel,
                                      offset + col * B);
    }
    for (; col < S.out_width; ++col) depthwise_border<S>(row_x, row_w, kernel_rows, col, y + col * B, ep, channel, offset + col * B);
  }
}

/** y = ep(x ∗ w), one filter per channel. Parts split the rows of all images and blocks. */
template <const Conv2dShape& S, class Ep, class E, class W>
void conv2d_depthwise(Part part, std::int64_t n, const E* x, const W* w, E* y, const Ep& ep) {
  static_assert(S.groups == S.in_channels && S.in_channels == S.out_channels, "depthwise: one filter per channel");
  static_assert(Products<W, Vec<float, S.block>>::kMostProducts == 0 || S.kernel_h * S.kernel_w <= Products<W, Vec<float, S.block>>::kMostProducts,
                "large filters are floats");
  constexpr int B = S.block;
  constexpr std::int64_t blocks = ceil_div(S.in_channels, B);
  constexpr std::int64_t x_plane = static_cast<std::int64_t>(S.in_height) * S.in_width * B;
  constexpr std::int64_t y_row = static_cast<std::int64_t>(S.out_width) * B;
  constexpr std::int64_t y_plane = S.out_height * y_row;
  const std::int64_t x_image = stride_or(S.x_image_stride, blocks * x_plane);
  const std::int64_t y_image = stride_or(S.y_image_stride, blocks * y_plane);
  const Range share = share_of(part, n * blocks * S.out_height);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t row = item % S.out_height;
    const std::int64_t block = item / S.out_height % blocks;
    const std::int64_t image = item / S.out_height / blocks;
    const std::int64_t at = block * y_plane + row * y_row;
    depthwise_row<S>(x + image * x_image + block * x_plane, w + block * S.kernel_h * S.kernel_w * B, static_cast<int>(row),
                     y + image * y_image + at, ep, block * B, image * blocks * y_plane + at);
  }
}

}  // namespace cortado
