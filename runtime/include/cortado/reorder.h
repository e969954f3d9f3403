// Conversions between plain [n][c][pixels] and blocked [n][ceil(c/B)][pixels][B]. They move, they never compute.
// B×B squares are transposed in registers' reach: rows are read and written whole, the shuffle stays in the L1 cache.
#pragma once

#include "cortado/scalar.h"

namespace cortado {

/** to[i][j] = from[j][i] for `rows` × `cols` at most B × B; strides in floats. */
template <int B>
CORTADO_INLINE void transpose_square(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride) {
  using F = Vec<float, B>;
  float square[B * B];
  static_for<0, B>([&](auto i) __attribute__((always_inline)) { store(square + i * B, load<F>(from + i * from_stride)); });
  static_for<0, B>([&](auto j) __attribute__((always_inline)) {
    for (int i = 0; i < B; ++i) to[j * to_stride + i] = square[i * B + j];
  });
}

/** Plain → blocked; lanes past `channels` are written with zeros. Strides: floats per image, 0 = dense. Parts split blocks of all images. */
template <int B>
void reorder_to_blocked(Part part, std::int64_t n, std::int64_t channels, std::int64_t pixels, std::int64_t x_image_stride,
                        std::int64_t y_image_stride, const float* x, float* y) {
  const std::int64_t blocks = ceil_div(channels, B);
  const std::int64_t x_image = stride_or(x_image_stride, channels * pixels);
  const std::int64_t y_image = stride_or(y_image_stride, blocks * pixels * B);
  const Range share = share_of(part, n * blocks * ceil_div(pixels, B));
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t first = item % ceil_div(pixels, B) * B;
    const std::int64_t block = item / ceil_div(pixels, B) % blocks;
    const std::int64_t image = item / ceil_div(pixels, B) / blocks;
    const float* from = x + image * x_image + block * B * pixels + first;
    float* to = y + image * y_image + (block * pixels + first) * B;
    const std::int64_t lanes = min_of(B, channels - block * B), count = min_of(B, pixels - first);
    if (lanes == B && count == B) {
      transpose_square<B>(from, pixels, to, B);
      continue;
    }
    for (std::int64_t p = 0; p < count; ++p) {
      for (std::int64_t lane = 0; lane < B; ++lane) to[p * B + lane] = lane < lanes ? from[lane * pixels + p] : 0.0f;
    }
  }
}

/** Blocked → plain; lanes past `channels` are not read. */
template <int B>
void reorder_to_plain(Part part, std::int64_t n, std::int64_t channels, std::int64_t pixels, std::int64_t x_image_stride,
                      std::int64_t y_image_stride, const float* x, float* y) {
  const std::int64_t blocks = ceil_div(channels, B);
  const std::int64_t x_image = stride_or(x_image_stride, blocks * pixels * B);
  const std::int64_t y_image = stride_or(y_image_stride, channels * pixels);
  const Range share = share_of(part, n * blocks * ceil_div(pixels, B));
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t first = item % ceil_div(pixels, B) * B;
    const std::int64_t block = item / ceil_div(pixels, B) % blocks;
    const std::int64_t image = item / ceil_div(pixels, B) / blocks;
    const float* from = x + image * x_image + (block * pixels + first) * B;
    float* to = y + image * y_image + block * B * pixels + first;
    const std::int64_t lanes = min_of(B, channels - block * B), count = min_of(B, pixels - first);
    if (lanes == B && count == B) {
      transpose_square<B>(from, B, to, pixels);
      continue;
    }
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      for (std::int64_t p = 0; p < count; ++p) to[lane * pixels + p] = from[p * B + lane];
    }
  }
}

}  // namespace cortado
