// bf16: the upper half of a float, a storage type. Loads widen exactly, stores round to nearest even, arithmetic is float's.
// Products<T> is what register tiles multiply: a float with a float, or two neighbouring bf16 with two more, summed in float
// (the instruction of AVX512-BF16 where there is one, the same in shifts and multiply-adds where not).
// The instructions take subnormal numbers (below 1.2e-38) for zeros; the portable forms keep them.
#pragma once

#include "cortado/scalar.h"

#if defined(__AVX512BF16__) && defined(__AVX512VL__)
#define CORTADO_BF16_INSTRUCTIONS
#include <immintrin.h>
#endif

namespace cortado {

/** Nearest, ties to even; 1 + 2^-8 gives 1, 1 + 3 · 2^-8 gives 1 + 2^-6. A NaN stays one. */
constexpr std::uint16_t bf16_bits(float value, std::uint32_t bits) {
  return static_cast<std::uint16_t>(value == value ? (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16 : (bits >> 16) | 0x40u);
}

struct Bfloat16 {
  std::uint16_t bits;
  Bfloat16() = default;
  explicit Bfloat16(float value) : bits(bf16_bits(value, bits_as<std::uint32_t>(value))) {}
  explicit operator float() const { return bits_as<float>(std::uint32_t{bits} << 16); }
};

/** float for both storage types. */
CORTADO_INLINE float to_number(Bfloat16 value) { return static_cast<float>(value); }
template <class T, IfScalar<T> = 0>
CORTADO_INLINE T to_number(T value) {
  return value;
}

/** kLanesOf<V> bf16 as floats. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V load(const Bfloat16* source) {
  Rebind<V, std::uint16_t> halves;
  __builtin_memcpy(&halves, source, sizeof(halves));
  return bits_as<V>(convert<std::uint32_t>(halves) << 16);
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V load(const Bfloat16* source) {
  return static_cast<float>(*source);
}

template <class V>
CORTADO_INLINE std::enable_if_t<!kIsScalar<V>> store(Bfloat16* target, V value) {
  static_assert(std::is_same_v<LaneOf<V>, float>);
#if defined(CORTADO_BF16_INSTRUCTIONS)
  if constexpr (sizeof(V) == 64) {
    const __m256bh halves = _mm512_cvtneps_pbh(bits_as<__m512>(value));
    __builtin_memcpy(target, &halves, sizeof(halves));
    return;
  }
#endif
  using Bits = Rebind<V, std::uint32_t>;
  const Bits bits = bits_as<Bits>(value);
  const Bits rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const Rebind<V, std::uint16_t> halves = convert<std::uint16_t>(value == value ? rounded : (bits >> 16) | 0x40u);
  __builtin_memcpy(target, &halves, sizeof(halves));
}
CORTADO_INLINE void store(Bfloat16* target, float value) { *target = Bfloat16(value); }

/** Neighbouring lanes that one step of a register tile multiplies. */
template <class T>
inline constexpr int kProductLanes = std::is_same_v<T, Bfloat16> ? 2 : 1;

/** How register tiles multiply elements of T, with weights laid out [lane / kProductLanes][vector][B][kProductLanes]. */
template <class T, class F>
struct Products;

template <class F>
struct Products<float, F> {
  using Factor = F;
  using Pixel = std::conditional_t<kFmaTakesNumbers<F>, float, F>;
  static CORTADO_INLINE Factor weights(const float* w) { return load<F>(w); }
  static CORTADO_INLINE Pixel broadcast(const float* x) { return splat<Pixel>(*x); }
  static CORTADO_INLINE F add(F sum, Pixel pixel, Factor w) {
    if constexpr (kFmaTakesNumbers<F>) {
      return fma_number(pixel, w, sum);
    } else {
      return fma(pixel, w, sum);
    }
  }
};

template <class F>
struct Products<Bfloat16, F> {
  using Factor = Rebind<F, std::uint32_t>;
  using Pixel = Factor;
  static CORTADO_INLINE Factor weights(const Bfloat16* w) {
    Factor pairs;
    __builtin_memcpy(&pairs, w, sizeof(pairs));
    return pairs;
  }
  static CORTADO_INLINE Factor broadcast(const Bfloat16* x) {
    std::uint32_t pair;
    __builtin_memcpy(&pair, x, sizeof(pair));
    return splat<Factor>(pair);
  }
  /** The last of an odd number: its neighbour, which may be anything, counts as zero. */
  static CORTADO_INLINE Factor broadcast_last(const Bfloat16* x) { return splat<Factor>(x->bits); }
  static CORTADO_INLINE F add(F sum, Factor a, Factor b) {
#if defined(CORTADO_BF16_INSTRUCTIONS)
    if constexpr (sizeof(F) == 64) return bits_as<F>(_mm512_dpbf16_ps(bits_as<__m512>(sum), bits_as<__m512bh>(a), bits_as<__m512bh>(b)));
    if constexpr (sizeof(F) == 32) return bits_as<F>(_mm256_dpbf16_ps(bits_as<__m256>(sum), bits_as<__m256bh>(a), bits_as<__m256bh>(b)));
    if constexpr (sizeof(F) == 16) return bits_as<F>(_mm_dpbf16_ps(bits_as<__m128>(sum), bits_as<__m128bh>(a), bits_as<__m128bh>(b)));
#endif
    const Factor upper = splat<Factor>(0xffff0000u);
    const F odd = fma(bits_as<F>(a & upper), bits_as<F>(b & upper), sum);
    return fma(bits_as<F>(a << 16), bits_as<F>(b << 16), odd);
  }
};

}  // namespace cortado
