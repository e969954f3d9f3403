// Pools over [n][h][w][c] bytes. The channels of a pixel are the inner loop.
#pragma once

#include <cstdint>

#include "cortado/quantized.h"

namespace cortado {

/** Axis 0 is height, 1 width. */
struct QuantizedPoolDims {
  std::int64_t channels;
  std::int64_t in[2];
  std::int64_t out[2];
  std::int64_t kernel[2];
  std::int64_t stride[2];
  std::int64_t pad[2];
};

/** The part of window `o` that lies inside the image. */
CORTADO_INLINE Range quantized_window(const QuantizedPoolDims& d, int axis, std::int64_t o) {
  const std::int64_t start = o * d.stride[axis] - d.pad[axis];
  return Range{max_of(start, 0), min_of(start + d.kernel[axis], d.in[axis])};
}

/** Calls body(pixel) for every input pixel of the window of output pixel `at`. */
template <class Body>
CORTADO_INLINE void each_window_pixel(const QuantizedPoolDims& d, const std::uint8_t* x, std::int64_t at, const Body& body) {
  const Range rows = quantized_window(d, 0, at / d.out[1] % d.out[0]);
  const Range columns = quantized_window(d, 1, at % d.out[1]);
  const std::uint8_t* image = x + at / (d.out[1] * d.out[0]) * d.in[0] * d.in[1] * d.channels;
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    for (std::int64_t j = columns.begin; j < columns.end; ++j) body(image + (i * d.in[1] + j) * d.channels);
  }
}

CORTADO_NOINLINE inline void quantized_max_pool(Part part, std::int64_t n, const QuantizedPoolDims& d, const std::uint8_t* x,
                                                std::int32_t low, std::int32_t high, std::uint8_t* y) {
  const Range share = share_of(part, n * d.out[0] * d.out[1]);
  const std::uint8_t least = static_cast<std::uint8_t>(low);
  const std::uint8_t most = static_cast<std::uint8_t>(high);
  for (std::int64_t at = share.begin; at < share.end; ++at) {
    std::uint8_t* result = y + at * d.channels;
    for (std::int64_t c = 0; c < d.channels; ++c) result[c] = least;
    each_window_pixel(d, x, at, [&](const std::uint8_t* pixel) {
      for (std::int64_t c = 0; c < d.channels; ++c) result[c] = pixel[c] > result[c] ? pixel[c] : result[c];
    });
    for (std::int64_t c = 0; c < d.channels; ++c) result[c] = result[c] < most ? result[c] : most;
  }
}

/** y = clamp(nearest_even_int(sum(x - x_zero) * factor) + y_zero, low, high). Scratch: 4 bytes per channel. */
CORTADO_NOINLINE inline void quantized_average_pool(Part part, std::int64_t n, const QuantizedPoolDims& d,
                                                    const std::uint8_t* x, std::int32_t x_zero, float factor,
                                                    std::int32_t y_zero, std::int32_t low, std::int32_t high,
                                                    std::uint8_t* y, void* scratch) {
  std::int32_t* sums = static_cast<std::int32_t*>(scratch);
  const Range share = share_of(part, n * d.out[0] * d.out[1]);
  const float least = static_cast<float>(low - y_zero);
  const float most = static_cast<float>(high - y_zero);
  for (std::int64_t at = share.begin; at < share.end; ++at) {
    for (std::int64_t c = 0; c < d.channels; ++c) sums[c] = 0;
    each_window_pixel(d, x, at, [&](const std::uint8_t* pixel) {
      for (std::int64_t c = 0; c < d.channels; ++c) sums[c] += pixel[c] - x_zero;
    });
    std::uint8_t* result = y + at * d.channels;
    for (std::int64_t c = 0; c < d.channels; ++c) {
      const float scaled = static_cast<float>(sums[c]) * factor;
      // The clamp stands between the product and the sum of the rounding: nothing to contract.
      const float up = scaled > least ? scaled : least;
      const float cut = up < most ? up : most;
      result[c] = static_cast<std::uint8_t>(nearest_even_int(cut) + y_zero);
    }
  }
}

}  // namespace cortado
