// Arithmetic of 8-bit tensors and the kernels that go through them one by one. real = scale * (q - zero). All integers; the
// rounding of each function is that of src/ops/fixed-point.ts, bit for bit.
#pragma once

#include <cstdint>

#include "cortado/part.h"

namespace cortado {

/** To bytes: acc * multiplier * 2^-31 * 2^-shift + zero, clamped to [low, high]. */
struct Requantize {
  std::int32_t multiplier;
  std::int32_t shift;
  std::int32_t zero;
  std::int32_t low;
  std::int32_t high;
};

CORTADO_INLINE std::uint8_t clamp_byte(std::int32_t value, std::int32_t low, std::int32_t high) {
  const std::int32_t up = value < low ? low : value;
  return static_cast<std::uint8_t>(up > high ? high : up);
}

/** QNNPACK's q31: half up at 2^-31, then half away from zero at 2^-shift. 7 by 0.25: 3.5 -> 4, then 2. */
CORTADO_INLINE std::uint8_t requantize(std::int32_t acc, const Requantize& to) {
  const std::int64_t product = static_cast<std::int64_t>(acc) * to.multiplier + (std::int64_t{1} << 30);
  const std::int32_t scaled = static_cast<std::int32_t>(product >> 31);
  const std::int32_t mask = static_cast<std::int32_t>((std::uint32_t{1} << to.shift) - 1u);
  const std::int32_t remainder = (scaled & mask) - (acc < 0 ? 1 : 0);
  const std::int32_t value = (scaled >> to.shift) + (remainder > (mask >> 1) ? 1 : 0);
  return clamp_byte(value + to.zero, to.low, to.high);
}

/** TensorFlow Lite's: half up at 2^-31, then half away from zero at 2^-shift (0 to 31). */
CORTADO_INLINE std::int32_t rounded_scale(std::int32_t value, std::int32_t multiplier, std::int32_t shift) {
  const std::int64_t product = static_cast<std::int64_t>(value) * multiplier + (std::int64_t{1} << 30);
  const std::int32_t high = static_cast<std::int32_t>(product >> 31);
  const std::int32_t mask = static_cast<std::int32_t>((std::uint32_t{1} << shift) - 1u);
  const std::int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> shift) + ((high & mask) > threshold ? 1 : 0);
}

/** The nearest integer, halves to even, of a float in [-2^22, 2^22]. */
CORTADO_INLINE std::int32_t nearest_even_int(float value) {
  // 1.5 * 2^23: its neighbours lie 1 apart, so that the sum is the rounded one.
  const float magic = 12582912.0f;
  return static_cast<std::int32_t>((value + magic) - magic);
}

/** y = clamp(round(x / scale) + zero, 0, 255); NaN gives 0. */
inline void quantize(Part part, std::int64_t count, const float* x, float scale, std::int32_t zero, std::uint8_t* y) {
  const Range share = share_of(part, count, 64);
  const float low = static_cast<float>(-zero);
  const float high = static_cast<float>(255 - zero);
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    const float scaled = x[i] / scale;
    // The clamp stands between the product and the sum: nothing to contract. NaN > low is false.
    const float up = scaled > low ? scaled : low;
    const float cut = up < high ? up : high;
    y[i] = static_cast<std::uint8_t>(nearest_even_int(cut) + zero);
  }
}

/** y = (x - zero) * scale. */
template <class T>
void dequantize(Part part, std::int64_t count, const T* x, float scale, std::int32_t zero, float* y) {
  const Range share = share_of(part, count, 64);
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    const std::uint32_t difference = static_cast<std::uint32_t>(x[i]) - static_cast<std::uint32_t>(zero);
    y[i] = static_cast<float>(static_cast<std::int32_t>(difference)) * scale;
  }
}

/** y = table[x]; in place is allowed. */
inline void look_up_bytes(Part part, std::int64_t count, const std::uint8_t* x, const std::uint8_t* table, std::uint8_t* y) {
  const Range share = share_of(part, count, 64);
  for (std::int64_t i = share.begin; i < share.end; ++i) y[i] = table[x[i]];
}

/** Factors of the inputs at 2^20 steps, factor of their sum, zero points and range. */
struct QuantizedAddTerms {
  std::int32_t a_zero;
  std::int32_t a_multiplier;
  std::int32_t a_shift;
  std::int32_t b_zero;
  std::int32_t b_multiplier;
  std::int32_t b_shift;
  Requantize y;
};

/** y = scale(scale((a - a_zero) * 2^20) + scale((b - b_zero) * 2^20)) + zero, clamped. In place is allowed. */
inline void quantized_add(Part part, std::int64_t count, const QuantizedAddTerms& terms, const std::uint8_t* a,
                          const std::uint8_t* b, std::uint8_t* y) {
  const Range share = share_of(part, count, 64);
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    const std::int32_t left = rounded_scale((a[i] - terms.a_zero) * (1 << 20), terms.a_multiplier, terms.a_shift);
    const std::int32_t right = rounded_scale((b[i] - terms.b_zero) * (1 << 20), terms.b_multiplier, terms.b_shift);
    const std::int32_t sum = rounded_scale(left + right, terms.y.multiplier, terms.y.shift);
    y[i] = clamp_byte(sum + terms.y.zero, terms.y.low, terms.y.high);
  }
}

}  // namespace cortado
