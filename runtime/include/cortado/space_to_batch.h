// SpaceToBatch and BatchToSpace: with block size s, pixel (h, w) of image k of the whole tensor [n][c][h][w] is pixel
// ((h + top) / s, (w + left) / s) of image (((h + top) % s) * s + (w + left) % s) * n + k of the spread tensor.
#pragma once

#include <cstdint>

#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

/** Calls visit(spread offset, whole offset or -1 in the padding) for the part's share of the spread tensor. */
template <class Visit>
CORTADO_INLINE void for_each_block_pixel(Part part, const Dims<4>& whole, const Dims<5>& options, const Visit& visit) {
  const std::int64_t n = whole.d[0], c = whole.d[1], h = whole.d[2], w = whole.d[3];
  const std::int64_t block = options.d[0], top = options.d[1], left = options.d[2];
  const std::int64_t spread_h = (h + top + options.d[3]) / block;
  const std::int64_t spread_w = (w + left + options.d[4]) / block;
  const Range range = share_of(part, n * block * block * c);
  for (std::int64_t plane = range.begin; plane < range.end; plane++) {
    const std::int64_t image = plane / c;
    const std::int64_t at = image / n;
    const std::int64_t base = ((image % n) * c + plane % c) * h * w;
    for (std::int64_t i = 0; i < spread_h; i++) {
      const std::int64_t row = i * block + at / block - top;
      for (std::int64_t j = 0; j < spread_w; j++) {
        const std::int64_t column = j * block + at % block - left;
        const bool inside = row >= 0 && row < h && column >= 0 && column < w;
        visit((plane * spread_h + i) * spread_w + j, inside ? base + row * w + column : -1);
      }
    }
  }
}

/** options: block, top, left, bottom, right. `whole` are the dims of x. */
CORTADO_INLINE void space_to_batch(Part part, const float* x, float* y, const Dims<4>& whole, const Dims<5>& options) {
  for_each_block_pixel(part, whole, options,
                       [&](std::int64_t spread, std::int64_t at) { y[spread] = at < 0 ? 0.0f : x[at]; });
}

/** `whole` are the dims of y, whose pixels each come from exactly one pixel of x. */
CORTADO_INLINE void batch_to_space(Part part, const float* x, float* y, const Dims<4>& whole, const Dims<5>& options) {
  for_each_block_pixel(part, whole, options, [&](std::int64_t spread, std::int64_t at) {
    if (at >= 0) y[at] = x[spread];
  });
}

}  // namespace cortado
