// 8-bit convolutions and fully connected layers by dot products of four bytes (ARM's udot): eight pixels by eight output channels stay
// in registers, 16 products per instruction. Bytes are multiplied as they are, the zero points come off afterwards:
//   Σ (x − zx)(w − zw) = Σ x·w − zw·Σ x + offset[m],  offset[m] = taps·zx·zw − zx·Σ w[m]  (mod 2^32, as all sums here)
// Weights: [ceil(m / 8)][ceil(taps / 4)][8][4] bytes, zero past m and past the taps.
#pragma once

#include <cstring>

#include "cortado/quantized_conv.h"
#include "cortado/simd.h"

namespace cortado {

inline constexpr int kDotPixels = 8;
inline constexpr int kDotChannels = 8;
inline constexpr int kDotTaps = 4;

using DotSums = Vec<std::uint32_t, 4>;
using DotBytes = Vec<std::uint8_t, 16>;

/** sums[i] + Σ weights[4i + t] · pixel[4·kLane + t], t = 0 … 3. */
template <int kLane>
CORTADO_INLINE DotSums dot_lane(DotSums sums, DotBytes weights, DotBytes pixel) {
#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
  __asm__("udot %0.4s, %1.16b, %2.4b[%3]" : "+w"(sums) : "w"(weights), "w"(pixel), "i"(kLane));
#else
  for (int i = 0; i < 4; ++i) {
    for (int t = 0; t < kDotTaps; ++t) sums[i] += std::uint32_t{weights[4 * i + t]} * std::uint32_t{pixel[4 * kLane + t]};
  }
#endif
  return sums;
}

/** Four taps, or the first of sixteen, of two vectors of output channels. */
template <int kLane, int kPixels>
CORTADO_INLINE void dot_step(const std::uint8_t*& w, const DotBytes (&pixel)[kPixels], DotSums (&acc)[kPixels][2]) {
  static_for<0, 2>([&](auto v) __attribute__((always_inline)) {
    const DotBytes weights = load<DotBytes>(w + v * 16);
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) { acc[p][v] = dot_lane<kLane>(acc[p][v], weights, pixel[p]); });
  });
  w += 32;
}

/** sums[pixel][8] = Σ x·w + offset − subtract[pixel]; taps are a multiple of four, pixels lie x_stride bytes, sums sum_stride numbers apart. */
template <int kPixels>
CORTADO_NOINLINE void dot_tile(std::int64_t taps, const std::uint8_t* x, std::int64_t x_stride, const std::uint8_t* w, const std::uint32_t* offset,
                               const std::uint32_t* subtract, std::uint32_t* sums, std::int64_t sum_stride) {
  DotSums acc[kPixels][2] = {};
  DotBytes pixel[kPixels];
  std::int64_t k = 0;
  for (; k + 16 <= taps; k += 16) {
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) { pixel[p] = load<DotBytes>(x + p * x_stride + k); });
    static_for<0, 4>([&](auto lane) __attribute__((always_inline)) { dot_step<lane>(w, pixel, acc); });
  }
  for (; k < taps; k += kDotTaps) {
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
      std::uint32_t four;
      std::memcpy(&four, x + p * x_stride + k, sizeof(four));
      pixel[p] = bits_as<DotBytes>(splat<DotSums>(four));
    });
    dot_step<0>(w, pixel, acc);
  }
  static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
    static_for<0, 2>([&](auto v) __attribute__((always_inline)) {
      store(sums + p * sum_stride + v * 4, acc[p][v] + load<DotSums>(offset + v * 4) - splat<DotSums>(subtract[p]));
    });
  });
}

/** The window of one output pixel as [tap][c]; the zero point outside the image. groups = 1. */
template <bool Transposed>
CORTADO_INLINE void gather_bytes(const QuantizedConvDims& d, const std::uint8_t* image, std::int64_t row, std::int64_t column, std::uint8_t* patch) {
  const std::size_t bytes = static_cast<std::size_t>(d.channels);
  for (std::int64_t a = 0; a < d.kernel[0]; ++a) {
    const std::int64_t i = quantized_source<Transposed>(d, 0, row, a);
    for (std::int64_t b = 0; b < d.kernel[1]; ++b, patch += d.channels) {
      const std::int64_t j = i < 0 ? -1 : quantized_source<Transposed>(d, 1, column, b);
      if (j < 0) {
        std::memset(patch, d.x_zero, bytes);
      } else {
        std::memcpy(patch, image + (i * d.in[1] + j) * d.channels, bytes);
      }
    }
  }
}

/** True where the pixels of x are the windows, in whole steps: 1x1, stride 1, nothing padded. */
CORTADO_INLINE bool windows_are_pixels(const QuantizedConvDims& d) {
  return d.kernel[0] == 1 && d.kernel[1] == 1 && d.stride[0] == 1 && d.stride[1] == 1 && d.pad[0] == 0 && d.pad[1] == 0 && d.in[0] == d.out[0] &&
         d.in[1] == d.out[1] && d.channels % kDotTaps == 0;
}

/** All output channels of `count` pixels, at most kDotPixels, whose windows lie `stride` bytes apart. */
inline void dot_pixels(const QuantizedConvDims& d, std::int64_t count, std::int64_t taps, const std::uint8_t* windows, std::int64_t stride,
                       const std::uint8_t* w, const std::uint32_t* offsets, std::uint32_t* sums, std::int64_t sum_stride) {
  std::uint32_t subtract[kDotPixels] = {};
  for (std::int64_t p = 0; p < count && d.w_zero != 0; ++p) {
    std::uint32_t sum = 0;
    for (std::int64_t k = 0; k < taps; ++k) sum += windows[p * stride + k];
    subtract[p] = sum * static_cast<std::uint32_t>(d.w_zero);
  }
  for (std::int64_t m = 0; m < d.out_channels; m += kDotChannels, w += taps * kDotChannels) {
    std::int64_t p = 0;
    if (count == kDotPixels) {
      dot_tile<kDotPixels>(taps, windows, stride, w, offsets + m, subtract, sums + m, sum_stride);
      p = kDotPixels;
    }
    for (; p + 4 <= count; p += 4) dot_tile<4>(taps, windows + p * stride, stride, w, offsets + m, subtract + p, sums + p * sum_stride + m, sum_stride);
    for (; p < count; ++p) dot_tile<1>(taps, windows + p * stride, stride, w, offsets + m, subtract + p, sums + p * sum_stride + m, sum_stride);
  }
}

/**
 * As quantized_conv for groups = 1, w and offsets as above, offsets padded to whole eights. Scratch: 8 · round_up(taps · c, 4) bytes rounded up
 * to 64, then 4 · 8 · round_up(m, 8).
 */
template <bool Transposed>
CORTADO_NOINLINE void quantized_conv_dot(Part part, std::int64_t n, const QuantizedConvDims& d, const Requantize& to, const std::uint8_t* x,
                                         const std::uint8_t* w, const std::int32_t* bias, const std::int32_t* offsets, std::uint8_t* y, void* scratch) {
  const std::int64_t taps = d.kernel[0] * d.kernel[1] * d.channels, padded_taps = round_up(taps, kDotTaps);
  const std::int64_t width = d.out[1], padded = round_up(d.out_channels, kDotChannels);
  std::uint8_t* patch = static_cast<std::uint8_t*>(scratch);
  std::uint32_t* sums = static_cast<std::uint32_t*>(scratch) + round_up(kDotPixels * padded_taps, 64) / 4;
  std::memset(patch, 0, static_cast<std::size_t>(kDotPixels * padded_taps));
  const bool is_direct = !Transposed && windows_are_pixels(d);
  const Range share = share_of(part, n * d.out[0] * width);
  for (std::int64_t pixel = share.begin; pixel < share.end; pixel += kDotPixels) {
    const std::int64_t count = min_of(kDotPixels, share.end - pixel);
    for (std::int64_t p = 0; p < count && !is_direct; ++p) {
      const std::int64_t at = pixel + p;
      const std::uint8_t* image = x + at / (width * d.out[0]) * d.in[0] * d.in[1] * d.channels;
      gather_bytes<Transposed>(d, image, at / width % d.out[0], at % width, patch + p * padded_taps);
    }
    dot_pixels(d, count, padded_taps, is_direct ? x + pixel * d.channels : patch, padded_taps, w, reinterpret_cast<const std::uint32_t*>(offsets), sums, padded);
    for (std::int64_t p = 0; p < count; ++p) {
      // Sums wrap; read as signed numbers they are those of the definition.
      const std::int32_t* own = reinterpret_cast<const std::int32_t*>(sums + p * padded);
      requantize_row(d.out_channels, own, bias, to, y + (pixel + p) * d.out_channels);
    }
  }
}

}  // namespace cortado
