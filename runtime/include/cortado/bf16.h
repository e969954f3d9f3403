// bf16: the upper half of a float, a storage type. Loads widen exactly, stores round to nearest even, arithmetic is float's.
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

CORTADO_INLINE float to_number(Bfloat16 value) { return static_cast<float>(value); }

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

}  // namespace cortado
