// fp16 (IEEE binary16), a storage type: loads widen exactly, stores round to nearest even, to infinity from 65520 on.
// With ARM's half-precision arithmetic, Vec<std::uint16_t, 8> is a register of 8 halves, which the functions at the end compute with;
// instructions are named because GCC 12 knows no type for halves in C++ that it converts in vectors.
#pragma once

#include "cortado/scalar.h"

// Vectors of halves are multiplied and added, 8 at a time.
#if defined(__aarch64__) && defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
#define CORTADO_HALF_ARITHMETIC 1
#else
#define CORTADO_HALF_ARITHMETIC 0
#endif

namespace cortado {

/** Nearest, ties to even; 1 + 2^-11 gives 1, 1 + 3 · 2^-11 gives 1 + 2^-9. A NaN stays one. */
inline std::uint16_t half_bits(float value) {
  const std::uint32_t bits = bits_as<std::uint32_t>(value), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  std::uint32_t half = (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13;
  // Below 2^-14 halves are multiples of 2^-24, as floats from 0.5 to 1 are: adding 0.5 rounds to one.
  if (size < 0x38800000u) half = bits_as<std::uint32_t>(bits_as<float>(size) + 0.5f) - 0x3f000000u;
  if (size >= 0x477ff000u) half = 0x7c00u;
  if (size > 0x7f800000u) half = 0x7e00u;
  return static_cast<std::uint16_t>(sign | half);
}

inline float half_number(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16, size = half & 0x7fffu;
  // The exponent's bias is 15 instead of 127; infinities and NaN have the largest exponent.
  const float number = bits_as<float>(size << 13) * 0x1p112f;
  return bits_as<float>(sign | (size >= 0x7c00u ? 0x7f800000u | size << 13 : bits_as<std::uint32_t>(number)));
}

struct Half {
  std::uint16_t bits;
  Half() = default;
  explicit Half(float value) : bits(half_bits(value)) {}
  explicit operator float() const { return half_number(bits); }
};

CORTADO_INLINE float to_number(Half value) { return static_cast<float>(value); }

#if defined(__aarch64__)
using FourHalves = Vec<std::uint16_t, 4>;
using EightHalves = Vec<std::uint16_t, 8>;

CORTADO_INLINE Vec<float, 4> widen_half(FourHalves halves) {
  Vec<float, 4> floats;
  __asm__("fcvtl %0.4s, %1.4h" : "=w"(floats) : "w"(halves));
  return floats;
}
CORTADO_INLINE Vec<float, 8> widen_half(EightHalves halves) {
  Vec<float, 8> floats;
  __asm__("fcvtl %0.4s, %1.4h" : "=w"(floats.low) : "w"(halves));
  __asm__("fcvtl2 %0.4s, %1.8h" : "=w"(floats.high) : "w"(halves));
  return floats;
}
CORTADO_INLINE FourHalves narrow_half(Vec<float, 4> floats) {
  FourHalves halves;
  __asm__("fcvtn %0.4h, %1.4s" : "=w"(halves) : "w"(floats));
  return halves;
}
CORTADO_INLINE EightHalves narrow_half(Vec<float, 8> floats) {
  EightHalves halves;
  __asm__("fcvtn %0.4h, %1.4s" : "=w"(halves) : "w"(floats.low));
  __asm__("fcvtn2 %0.8h, %1.4s" : "+w"(halves) : "w"(floats.high));
  return halves;
}
/** Vectors that widen_half gives. */
template <class V>
inline constexpr bool kWidensHalves = kLanesOf<V> == 4 || kLanesOf<V> == 8;
#else
template <class V>
inline constexpr bool kWidensHalves = false;
#endif

/** kLanesOf<V> halves as floats. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V load(const Half* source) {
  if constexpr (kWidensHalves<V>) {
    Vec<std::uint16_t, kLanesOf<V>> halves;
    __builtin_memcpy(&halves, source, sizeof(halves));
    return widen_half(halves);
  } else {
    float numbers[kLanesOf<V>];
    for (int lane = 0; lane < kLanesOf<V>; ++lane) numbers[lane] = static_cast<float>(source[lane]);
    return load<V>(numbers);
  }
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V load(const Half* source) {
  return static_cast<float>(*source);
}

template <class V>
CORTADO_INLINE std::enable_if_t<!kIsScalar<V>> store(Half* target, const V& value) {
  static_assert(std::is_same_v<LaneOf<V>, float>);
  if constexpr (kWidensHalves<V>) {
    const auto halves = narrow_half(value);
    __builtin_memcpy(target, &halves, sizeof(halves));
  } else {
    float numbers[kLanesOf<V>];
    store(numbers, value);
    for (int lane = 0; lane < kLanesOf<V>; ++lane) target[lane] = Half(numbers[lane]);
  }
}
CORTADO_INLINE void store(Half* target, float value) { *target = Half(value); }

#if CORTADO_HALF_ARITHMETIC
CORTADO_INLINE EightHalves load_halves(const Half* source) {
  EightHalves halves;
  __builtin_memcpy(&halves, source, sizeof(halves));
  return halves;
}
/** a · b + c, rounded once, of halves. */
CORTADO_INLINE EightHalves fma_halves(EightHalves a, EightHalves b, EightHalves c) {
  __asm__("fmla %0.8h, %1.8h, %2.8h" : "+w"(c) : "w"(a), "w"(b));
  return c;
}
/** a · b[kLane] + c, of halves; the instruction takes its lane from the lower 16 registers only. */
template <int kLane>
CORTADO_INLINE EightHalves fma_halves_lane(EightHalves a, EightHalves b, EightHalves c) {
  __asm__("fmla %0.8h, %1.8h, %2.h[%3]" : "+w"(c) : "w"(a), "x"(b), "i"(kLane));
  return c;
}
/** The larger of halves; a NaN in one of them is skipped. */
CORTADO_INLINE EightHalves max_halves(EightHalves a, EightHalves b) {
  __asm__("fmaxnm %0.8h, %0.8h, %1.8h" : "+w"(a) : "w"(b));
  return a;
}
#endif

}  // namespace cortado
