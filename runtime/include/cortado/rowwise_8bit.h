// quantize_rows, dequantize_rows: float rows as bytes with a scale and a bias each, x = q · scale + bias. Parts share the
// rows. Scale and bias lie apart ([rows][2]) or are the last 8 bytes of a row, in the machine's byte order (little endian).
#pragma once

#include <cstdint>
#include <cstring>

#include "cortado/part.h"

namespace cortado {

/** Nearest byte, halves up: 2.5 gives 3. NaN gives 0. */
CORTADO_INLINE std::uint8_t round_byte(float value) {
  if (!(value > 0.0f)) return 0;
  return value >= 255.0f ? 255 : static_cast<std::uint8_t>(static_cast<double>(value) + 0.5);
}

/** x [rows][inner] -> q [rows][inner] and scale_bias (may be null), or q [rows][inner + 8]. */
template <bool Fused>
void quantize_rows(Part part, const float* x, std::uint8_t* q, float* scale_bias, std::int64_t rows, std::int64_t inner) {
  const Range range = share_of(part, rows);
  const std::int64_t stride = Fused ? inner + 8 : inner;
  for (std::int64_t r = range.begin; r < range.end; r++) {
    const float* from = x + r * inner;
    float low = inner == 0 ? 0.0f : from[0], high = low;
    for (std::int64_t k = 1; k < inner; k++) {
      low = from[k] < low ? from[k] : low;
      high = high < from[k] ? from[k] : high;
    }
    const float spread = high - low;
    float pair[2] = {spread / 255.0f, low};
    float inverse = 255.0f / (spread + 1e-8f);
    if constexpr (!Fused) {
      const bool flat = static_cast<double>(spread) < 1e-10;
      pair[0] = flat ? 1.0f : pair[0];
      inverse = flat ? 0.0f : 1.0f / pair[0];
    }
    std::uint8_t* to = q + r * stride;
    for (std::int64_t k = 0; k < inner && q != nullptr; k++) to[k] = round_byte((from[k] - low) * inverse);
    if constexpr (Fused) {
      std::memcpy(to + inner, pair, sizeof pair);
    } else if (scale_bias != nullptr) {
      std::memcpy(scale_bias + 2 * r, pair, sizeof pair);
    }
  }
}

/** q [rows][stride] -> x [rows][inner]; scale_bias null: it is in the row. */
CORTADO_NOINLINE inline void dequantize_rows(Part part, const std::uint8_t* q, const float* scale_bias, float* x,
                                             std::int64_t rows, std::int64_t stride, std::int64_t inner) {
  const Range range = share_of(part, rows);
  for (std::int64_t r = range.begin; r < range.end; r++) {
    const std::uint8_t* from = q + r * stride;
    float pair[2];
    if (scale_bias == nullptr) {
      std::memcpy(pair, from + inner, sizeof pair);
    } else {
      std::memcpy(pair, scale_bias + 2 * r, sizeof pair);
    }
    for (std::int64_t k = 0; k < inner; k++) x[r * inner + k] = static_cast<float>(from[k]) * pair[0] + pair[1];
  }
}

}  // namespace cortado
