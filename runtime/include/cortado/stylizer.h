// Camera pixels to floats and back for style-transfer nets: BGRA bytes, channels last, against float planes.
#pragma once

#include "cortado/part.h"

namespace cortado {

/**
 * y[n][c][p] = x[n][p][c] − mean[c] + noise[(3p + c) mod noise_size], c < 3; alpha is dropped. noise may be null. Parts split
 * the pixels of all images.
 */
inline void stylizer_preprocess(Part part, std::int64_t n, std::int64_t pixels, std::int64_t noise_size, const std::uint8_t* x,
                                const float* mean, const float* noise, float* y) {
  const Range share = share_of(part, n * pixels);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t image = item / pixels;
    const std::int64_t p = item % pixels;
    for (std::int64_t c = 0; c < 3; ++c) {
      const float grain = noise == nullptr ? 0.0f : noise[(3 * p + c) % noise_size];
      y[(image * 3 + c) * pixels + p] = static_cast<float>(x[item * 4 + c]) - mean[c] + grain;
    }
  }
}

/** y[n][p][c] = x[n][c][p] + mean[c], clamped to 0..255 and truncated; alpha 255. Parts split the pixels of all images. */
inline void stylizer_deprocess(Part part, std::int64_t n, std::int64_t pixels, const float* x, const float* mean, std::uint8_t* y) {
  const Range share = share_of(part, n * pixels);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t image = item / pixels;
    const std::int64_t p = item % pixels;
    for (std::int64_t c = 0; c < 3; ++c) {
      const float value = x[(image * 3 + c) * pixels + p] + mean[c];
      y[item * 4 + c] = value >= 255.0f ? std::uint8_t{255} : value > 0.0f ? static_cast<std::uint8_t>(value) : std::uint8_t{0};
    }
    y[item * 4 + 3] = 255;
  }
}

}  // namespace cortado
