// Products<T, F> is what register tiles multiply and in what they sum: floats; two neighbouring bf16 with two more, summed in float
// (the instruction of AVX512-BF16 where there is one, the same in shifts and multiply-adds where not); halves, summed a few at a time
// in halves where ARM's half-precision arithmetic is compiled in, else in float.
//   Sum            a vector of sums, from which widen() makes floats (F)
//   Factor, Pixel  weights of kProductLanes<T> lanes; the same of one pixel for all outputs
//   kMostProducts  products after which a Sum is widened; 0: it is a vector of floats
//   multiply       adds a row of B lanes of x times as many weights, lane by lane (not of bf16)
//   kByLane        row, next_weights and add_lane exist: a pixel's B lanes are one vector
#pragma once

#include "cortado/storage.h"

namespace cortado {

/** Neighbouring lanes that one step of a register tile multiplies. */
template <class T>
inline constexpr int kProductLanes = std::is_same_v<T, Bfloat16> ? 2 : 1;

/** How register tiles multiply elements of T, with weights laid out [lane / kProductLanes][vector][B][kProductLanes]. */
template <class T, class F>
struct Products;

template <class F>
struct Products<float, F> {
  using Sum = F;
  using Factor = F;
  using Pixel = std::conditional_t<kFmaTakesNumbers<F>, float, F>;
  static constexpr int kMostProducts = 0;
  static constexpr bool kByLane = kLaneMultiply<F>;
  static CORTADO_INLINE Factor weights(const float* w) { return load<F>(w); }
  static CORTADO_INLINE Pixel broadcast(const float* x) { return splat<Pixel>(*x); }
  static CORTADO_INLINE F add(F sum, Pixel pixel, Factor w) {
    if constexpr (kFmaTakesNumbers<F>) {
      return fma_number(pixel, w, sum);
    } else {
      return fma(pixel, w, sum);
    }
  }
  static CORTADO_INLINE F multiply(F sum, F x, F w) { return fma(x, w, sum); }
  static CORTADO_INLINE F row(const float* x) { return load<F>(x); }
  static CORTADO_INLINE F next_weights(const float*& w) { return load_next<F>(w); }
  template <int kLane>
  static CORTADO_INLINE F add_lane(F sum, F pixel, F w) {
    return fma_lane<kLane>(w, pixel, sum);
  }
  static CORTADO_INLINE F widen(F sum) { return sum; }
};

template <class F>
struct Products<Bfloat16, F> {
  using Sum = F;
  using Factor = Rebind<F, std::uint32_t>;
  using Pixel = Factor;
  static constexpr int kMostProducts = 0;
  static constexpr bool kByLane = false;
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
  static CORTADO_INLINE F widen(F sum) { return sum; }
};

/** Halves as floats, for machines without half-precision arithmetic. */
template <class F>
struct FloatProductsOfHalves {
  using Sum = F;
  using Factor = F;
  using Pixel = F;
  static constexpr int kMostProducts = 0;
  static constexpr bool kByLane = false;
  static CORTADO_INLINE F weights(const Half* w) { return load<F>(w); }
  static CORTADO_INLINE F broadcast(const Half* x) { return splat<F>(static_cast<float>(*x)); }
  static CORTADO_INLINE F add(F sum, F pixel, F w) { return fma(pixel, w, sum); }
  static CORTADO_INLINE F multiply(F sum, F x, F w) { return fma(x, w, sum); }
  static CORTADO_INLINE F row(const Half* x) { return load<F>(x); }
  static CORTADO_INLINE F widen(F sum) { return sum; }
};

#if CORTADO_HALF_ARITHMETIC
/** Eight outputs per instruction. Rounding errors of a sum grow with the square root of its length, hence the few products. */
struct HalfProducts {
  using Sum = EightHalves;
  using Factor = EightHalves;
  using Pixel = EightHalves;
  static constexpr int kMostProducts = 64;
  static constexpr bool kByLane = true;
  static CORTADO_INLINE EightHalves weights(const Half* w) { return load_halves(w); }
  static CORTADO_INLINE EightHalves broadcast(const Half* x) {
    EightHalves pixel;
    __asm__("ld1r {%0.8h}, %1" : "=w"(pixel) : "Q"(*x));
    return pixel;
  }
  static CORTADO_INLINE EightHalves add(EightHalves sum, EightHalves pixel, EightHalves w) { return fma_halves(pixel, w, sum); }
  static CORTADO_INLINE EightHalves multiply(EightHalves sum, EightHalves x, EightHalves w) { return fma_halves(x, w, sum); }
  static CORTADO_INLINE EightHalves row(const Half* x) { return load_halves(x); }
  static CORTADO_INLINE EightHalves next_weights(const Half*& w) {
    const EightHalves weights = load_halves(w);
    w += 8;
    return weights;
  }
  template <int kLane>
  static CORTADO_INLINE EightHalves add_lane(EightHalves sum, EightHalves pixel, EightHalves w) {
    return fma_halves_lane<kLane>(w, pixel, sum);
  }
  static CORTADO_INLINE Vec<float, 8> widen(EightHalves sum) { return widen_half(sum); }
};

template <class F>
struct Products<Half, F> : std::conditional_t<kLanesOf<F> == 8, HalfProducts, FloatProductsOfHalves<F>> {};
#else
template <class F>
struct Products<Half, F> : FloatProductsOfHalves<F> {};
#endif

}  // namespace cortado
