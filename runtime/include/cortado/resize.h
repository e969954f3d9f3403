// Nearest-neighbour resize as Caffe2 rounds it: source = min(trunc(i / scale), size − 1), in float32. i = 5, scale 2: 2.
#pragma once

#include <cstring>

#include "cortado/storage.h"

namespace cortado {

struct ResizeDims {
  std::int64_t channels;
  std::int64_t in_height;
  std::int64_t in_width;
  std::int64_t out_height;
  std::int64_t out_width;
  float height_scale;
  float width_scale;
};

CORTADO_INLINE std::int64_t nearest_source(std::int64_t out, float scale, std::int64_t size) {
  return min_of(static_cast<std::int64_t>(static_cast<float>(out) / scale), size - 1);
}

/** Planes of pixels of kUnit elements. A row from the same source as the one before is copied from it. */
template <int kUnit, class E>
CORTADO_INLINE void resize_nearest_planes(Part part, std::int64_t planes, const ResizeDims& d, const E* x, E* y) {
  const Range share = share_of(part, planes * d.out_height);
  const E* done = nullptr;
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t row = nearest_source(item % d.out_height, d.height_scale, d.in_height);
    const E* from = x + (item / d.out_height * d.in_height + row) * d.in_width * kUnit;
    E* to = y + item * d.out_width * kUnit;
    if (from == done) {
      std::memcpy(static_cast<void*>(to), to - d.out_width * kUnit, static_cast<std::size_t>(d.out_width * kUnit) * sizeof(E));
      continue;
    }
    done = from;
    for (std::int64_t col = 0; col < d.out_width; ++col) {
      const E* pixel = from + nearest_source(col, d.width_scale, d.in_width) * kUnit;
      for (int i = 0; i < kUnit; ++i) to[col * kUnit + i] = pixel[i];
    }
  }
}

/** Plain. Parts split the output rows. */
inline void resize_nearest_plain(Part part, std::int64_t n, const ResizeDims& d, const float* x, float* y) {
  resize_nearest_planes<1>(part, n * d.channels, d, x, y);
}

/** Blocked. Parts split the output rows. */
template <int B, class E>
void resize_nearest_blocked(Part part, std::int64_t n, const ResizeDims& d, const E* x, E* y) {
  resize_nearest_planes<B>(part, n * ceil_div(d.channels, B), d, x, y);
}

}  // namespace cortado
