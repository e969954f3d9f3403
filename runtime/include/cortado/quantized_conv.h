// 8-bit convolutions over [n][h][w][c] bytes with int32 sums. The windows of a few pixels are gathered as 16-bit numbers with
// the zero point taken off, then every output channel is a dot product: loops that compilers vectorize (pmaddwd, smlal).
#pragma once

#include <cstdint>

#include "cortado/quantized.h"

namespace cortado {

/** Axis 0 is height, 1 width. */
struct QuantizedConvDims {
  std::int64_t channels;
  std::int64_t out_channels;
  std::int64_t groups;
  std::int64_t in[2];
  std::int64_t out[2];
  std::int64_t kernel[2];
  std::int64_t stride[2];
  std::int64_t pad[2];
  std::int64_t dilation[2];
  std::int32_t x_zero;
  std::int32_t w_zero; /* 0 where the weights are packed without it */
};

/** Pixels gathered at a time. */
inline constexpr int kPatchPixels = 4;

/** The input row or column that output `o` reads through tap `k`; -1 when there is none. */
template <bool Transposed>
CORTADO_INLINE std::int64_t quantized_source(const QuantizedConvDims& d, int axis, std::int64_t o, std::int64_t k) {
  if constexpr (Transposed) {
    const std::int64_t at = o + d.pad[axis] - k;
    if (at < 0 || at % d.stride[axis] != 0 || at / d.stride[axis] >= d.in[axis]) return -1;
    return at / d.stride[axis];
  } else {
    const std::int64_t at = o * d.stride[axis] - d.pad[axis] + k * d.dilation[axis];
    return at >= 0 && at < d.in[axis] ? at : -1;
  }
}

/** The window of one output pixel as [group][tap][c / groups], zero point taken off, 0 outside the image. */
template <bool Transposed>
CORTADO_INLINE void gather_window(const QuantizedConvDims& d, const std::uint8_t* image, std::int64_t row, std::int64_t column,
                                  std::int16_t* patch) {
  const std::int64_t per_group = d.channels / d.groups;
  for (std::int64_t g = 0; g < d.groups; ++g) {
    for (std::int64_t a = 0; a < d.kernel[0]; ++a) {
      const std::int64_t i = quantized_source<Transposed>(d, 0, row, a);
      for (std::int64_t b = 0; b < d.kernel[1]; ++b) {
        const std::int64_t j = i < 0 ? -1 : quantized_source<Transposed>(d, 1, column, b);
        if (j < 0) {
          for (std::int64_t c = 0; c < per_group; ++c) patch[c] = 0;
        } else {
          const std::uint8_t* from = image + (i * d.in[1] + j) * d.channels + g * per_group;
          for (std::int64_t c = 0; c < per_group; ++c) patch[c] = static_cast<std::int16_t>(from[c] - d.x_zero);
        }
        patch += per_group;
      }
    }
  }
}

CORTADO_INLINE std::int16_t weight_at(const std::int16_t* w, std::int64_t k, std::int32_t) { return w[k]; }

CORTADO_INLINE std::int16_t weight_at(const std::uint8_t* w, std::int64_t k, std::int32_t w_zero) {
  return static_cast<std::int16_t>(w[k] - w_zero);
}

/** Products of one weight row with the windows of four pixels that lie `stride` numbers apart; sums lie `sum_stride` apart. */
template <class W>
CORTADO_INLINE void dot_windows(std::int64_t taps, const std::int16_t* patch, std::int64_t stride, const W* w, std::int32_t w_zero,
                                std::int32_t* sums, std::int64_t sum_stride) {
  const std::int16_t* p1 = patch + stride;
  const std::int16_t* p2 = p1 + stride;
  const std::int16_t* p3 = p2 + stride;
  std::int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (std::int64_t k = 0; k < taps; ++k) {
    const std::int16_t weight = weight_at(w, k, w_zero);
    s0 += patch[k] * weight;
    s1 += p1[k] * weight;
    s2 += p2[k] * weight;
    s3 += p3[k] * weight;
  }
  sums[0] = s0;
  sums[sum_stride] = s1;
  sums[2 * sum_stride] = s2;
  sums[3 * sum_stride] = s3;
}

CORTADO_INLINE std::int32_t add_bias(std::int32_t sum, std::int32_t bias) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(bias));
}

/** y = requantize(sum + bias). By value and without aliases, so that it becomes vector code: bytes could alias anything. */
CORTADO_INLINE void requantize_row(std::int64_t count, const std::int32_t* __restrict sums, const std::int32_t* __restrict bias,
                                   const Requantize to, std::uint8_t* __restrict y) {
  for (std::int64_t m = 0; m < count; ++m) y[m] = requantize(add_bias(sums[m], bias[m]), to);
}

/**
 * x [n][ih][iw][c], w [m][kh][kw][c / groups], bias [m], y [n][oh][ow][m]. W: bytes with their zero point, or 16 bits without.
 * Scratch: 2 * kPatchPixels * taps * c bytes rounded up to 64, then 4 * kPatchPixels * m.
 */
template <bool Transposed, class W>
CORTADO_NOINLINE void quantized_conv(Part part, std::int64_t n, const QuantizedConvDims& d, const Requantize& to,
                                     const std::uint8_t* x, const W* w, const std::int32_t* bias, std::uint8_t* y,
                                     void* scratch) {
  const std::int64_t group_taps = d.kernel[0] * d.kernel[1] * (d.channels / d.groups);
  const std::int64_t stride = group_taps * d.groups;
  const std::int64_t per_group = d.out_channels / d.groups;
  const std::int64_t width = d.out[1];
  std::int16_t* patch = static_cast<std::int16_t*>(scratch);
  std::int32_t* sums = static_cast<std::int32_t*>(scratch) + round_up(2 * kPatchPixels * stride, 64) / 4;
  for (std::int64_t k = 0; k < kPatchPixels * stride; ++k) patch[k] = 0;
  // A row of output pixels is a unit of work: with one pixel per row (a fully connected layer) images are.
  const Range share = share_of(part, n * d.out[0] * width);
  for (std::int64_t pixel = share.begin; pixel < share.end; pixel += kPatchPixels) {
    const std::int64_t count = min_of(kPatchPixels, share.end - pixel);
    for (std::int64_t p = 0; p < count; ++p) {
      const std::int64_t at = pixel + p;
      const std::uint8_t* image = x + at / (width * d.out[0]) * d.in[0] * d.in[1] * d.channels;
      gather_window<Transposed>(d, image, at / width % d.out[0], at % width, patch + p * stride);
    }
    for (std::int64_t m = 0; m < d.out_channels; ++m) {
      const std::int16_t* group = patch + m / per_group * group_taps;
      dot_windows(group_taps, group, stride, w + m * group_taps, d.w_zero, sums + m, d.out_channels);
    }
    for (std::int64_t p = 0; p < count; ++p) {
      std::uint8_t* result = y + (pixel + p) * d.out_channels;
      const std::int32_t* own = sums + p * d.out_channels;
      requantize_row(d.out_channels, own, bias, to, result);
    }
  }
}

/** Output channels that quantized_conv_short computes side by side. */
inline constexpr int kChannelLanes = 16;

/**
 * As quantized_conv for groups = 1 and few taps, where a dot product is too short to pay: vectors run over output channels.
 * w [ceil(m / 16)][tap][16], zero past m. Scratch: as quantized_conv with m rounded up to 16.
 */
CORTADO_NOINLINE inline void quantized_conv_short(Part part, std::int64_t n, const QuantizedConvDims& d, const Requantize& to,
                                                  const std::uint8_t* x, const std::int16_t* w, const std::int32_t* bias,
                                                  std::uint8_t* y, void* scratch) {
  using Sums = std::int32_t __attribute__((vector_size(4 * kChannelLanes)));
  using Weights = std::int16_t __attribute__((vector_size(2 * kChannelLanes)));
  const std::int64_t taps = d.kernel[0] * d.kernel[1] * d.channels;
  const std::int64_t width = d.out[1];
  const std::int64_t padded = round_up(d.out_channels, kChannelLanes);
  std::int16_t* patch = static_cast<std::int16_t*>(scratch);
  std::int32_t* sums = static_cast<std::int32_t*>(scratch) + round_up(2 * kPatchPixels * taps, 64) / 4;
  for (std::int64_t k = 0; k < kPatchPixels * taps; ++k) patch[k] = 0;
  const Range share = share_of(part, n * d.out[0] * width);
  for (std::int64_t pixel = share.begin; pixel < share.end; pixel += kPatchPixels) {
    const std::int64_t count = min_of(kPatchPixels, share.end - pixel);
    for (std::int64_t p = 0; p < count; ++p) {
      const std::int64_t at = pixel + p;
      const std::uint8_t* image = x + at / (width * d.out[0]) * d.in[0] * d.in[1] * d.channels;
      gather_window<false>(d, image, at / width % d.out[0], at % width, patch + p * taps);
    }
    for (std::int64_t m = 0; m < padded; m += kChannelLanes) {
      Sums s0{}, s1{}, s2{}, s3{};
      for (std::int64_t k = 0; k < taps; ++k) {
        Weights packed;
        __builtin_memcpy(&packed, w + m * taps + k * kChannelLanes, sizeof(packed));
        const Sums weights = __builtin_convertvector(packed, Sums);
        s0 += weights * static_cast<std::int32_t>(patch[k]);
        s1 += weights * static_cast<std::int32_t>(patch[taps + k]);
        s2 += weights * static_cast<std::int32_t>(patch[2 * taps + k]);
        s3 += weights * static_cast<std::int32_t>(patch[3 * taps + k]);
      }
      __builtin_memcpy(sums + m, &s0, sizeof(s0));
      __builtin_memcpy(sums + padded + m, &s1, sizeof(s1));
      __builtin_memcpy(sums + 2 * padded + m, &s2, sizeof(s2));
      __builtin_memcpy(sums + 3 * padded + m, &s3, sizeof(s3));
    }
    for (std::int64_t p = 0; p < count; ++p) {
      std::uint8_t* result = y + (pixel + p) * d.out_channels;
      const std::int32_t* own = sums + p * padded;
      requantize_row(d.out_channels, own, bias, to, result);
    }
  }
}

/** groups = c = m. w [kh][kw][m], 16 bits without zero point. Scratch: 4 * kPatchPixels * m bytes, of which a quarter is used. */
CORTADO_NOINLINE inline void quantized_depthwise(Part part, std::int64_t n, const QuantizedConvDims& d, const Requantize& to,
                                                 const std::uint8_t* x, const std::int16_t* w, const std::int32_t* bias,
                                                 std::uint8_t* y, void* scratch) {
  std::int32_t* sums = static_cast<std::int32_t*>(scratch);
  const std::int64_t channels = d.channels;
  const Range share = share_of(part, n * d.out[0] * d.out[1]);
  for (std::int64_t pixel = share.begin; pixel < share.end; ++pixel) {
    const std::int64_t row = pixel / d.out[1] % d.out[0];
    const std::int64_t column = pixel % d.out[1];
    const std::uint8_t* image = x + pixel / (d.out[1] * d.out[0]) * d.in[0] * d.in[1] * channels;
    for (std::int64_t c = 0; c < channels; ++c) sums[c] = 0;
    for (std::int64_t a = 0; a < d.kernel[0]; ++a) {
      const std::int64_t i = quantized_source<false>(d, 0, row, a);
      for (std::int64_t b = 0; b < d.kernel[1]; ++b) {
        const std::int64_t j = quantized_source<false>(d, 1, column, b);
        if (i < 0 || j < 0) continue;
        const std::uint8_t* from = image + (i * d.in[1] + j) * channels;
        const std::int16_t* weights = w + (a * d.kernel[1] + b) * channels;
        for (std::int64_t c = 0; c < channels; ++c) sums[c] += (from[c] - d.x_zero) * weights[c];
      }
    }
    std::uint8_t* result = y + pixel * channels;
    requantize_row(channels, sums, bias, to, result);
  }
}

}  // namespace cortado
