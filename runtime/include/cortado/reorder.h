// Conversions between plain [n][c][pixels] and blocked [n][ceil(c/B)][pixels][B]. They move, and round where the result is bf16;
// they never compute.
// B×B squares are transposed in registers' reach: rows are read and written whole, the shuffle stays in the L1 cache.
#pragma once

#include "cortado/storage.h"

namespace cortado {

/** to[i][j] = from[j][i] for `rows` × `cols` at most B × B; strides in elements. */
template <int B, class X, class Y>
CORTADO_INLINE void transpose_square(const X* from, std::int64_t from_stride, Y* to, std::int64_t to_stride) {
  using F = Vec<float, B>;
  float square[B * B];
  static_for<0, B>([&](auto i) __attribute__((always_inline)) { store(square + i * B, load<F>(from + i * from_stride)); });
  static_for<0, B>([&](auto j) __attribute__((always_inline)) {
    F column{};
    for (int i = 0; i < B; ++i) column[i] = square[i * B + j];
    store(to + j * to_stride, column);
  });
}

/** Plain → blocked; lanes past `channels` are written with zeros. Strides: elements per image, 0 = dense. Parts split blocks of all images. */
template <int B, class X, class Y>
void reorder_to_blocked(Part part, std::int64_t n, std::int64_t channels, std::int64_t pixels, std::int64_t x_image_stride,
                        std::int64_t y_image_stride, const X* x, Y* y) {
  const std::int64_t blocks = ceil_div(channels, B);
  const std::int64_t x_image = stride_or(x_image_stride, channels * pixels);
  const std::int64_t y_image = stride_or(y_image_stride, blocks * pixels * B);
  const Range share = share_of(part, n * blocks * ceil_div(pixels, B));
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t first = item % ceil_div(pixels, B) * B;
    const std::int64_t block = item / ceil_div(pixels, B) % blocks;
    const std::int64_t image = item / ceil_div(pixels, B) / blocks;
    const X* from = x + image * x_image + block * B * pixels + first;
    Y* to = y + image * y_image + (block * pixels + first) * B;
    const std::int64_t lanes = min_of(B, channels - block * B), count = min_of(B, pixels - first);
    if (lanes == B && count == B) {
      transpose_square<B>(from, pixels, to, B);
      continue;
    }
    for (std::int64_t p = 0; p < count; ++p) {
      for (std::int64_t lane = 0; lane < B; ++lane) store(to + p * B + lane, lane < lanes ? load<float>(from + lane * pixels + p) : 0.0f);
    }
  }
}

/** Blocked → plain; lanes past `channels` are not read. */
template <int B, class X, class Y>
void reorder_to_plain(Part part, std::int64_t n, std::int64_t channels, std::int64_t pixels, std::int64_t x_image_stride,
                      std::int64_t y_image_stride, const X* x, Y* y) {
  const std::int64_t blocks = ceil_div(channels, B);
  const std::int64_t x_image = stride_or(x_image_stride, blocks * pixels * B);
  const std::int64_t y_image = stride_or(y_image_stride, channels * pixels);
  const Range share = share_of(part, n * blocks * ceil_div(pixels, B));
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t first = item % ceil_div(pixels, B) * B;
    const std::int64_t block = item / ceil_div(pixels, B) % blocks;
    const std::int64_t image = item / ceil_div(pixels, B) / blocks;
    const X* from = x + image * x_image + (block * pixels + first) * B;
    Y* to = y + image * y_image + block * B * pixels + first;
    const std::int64_t lanes = min_of(B, channels - block * B), count = min_of(B, pixels - first);
    if (lanes == B && count == B) {
      transpose_square<B>(from, B, to, pixels);
      continue;
    }
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      for (std::int64_t p = 0; p < count; ++p) store(to + lane * pixels + p, load<float>(from + p * B + lane));
    }
  }
}

}  // namespace cortado
