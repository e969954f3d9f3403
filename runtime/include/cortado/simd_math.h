// More functions on vectors, each in terms of simd.h's: signs, conversions, rounding, square roots, lane masks, sums over lanes.
// Included by simd.h.
#pragma once

namespace cortado {

template <class V, IfVector<V> = 0>
CORTADO_INLINE V abs(V x) {
  using I = Rebind<V, std::int32_t>;
  return bits_as<V>(bits_as<I>(x) & splat<I>(0x7fffffff));
}

/** Magnitude of x, sign of y. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V copysign(V x, V y) {
  using I = Rebind<V, std::int32_t>;
  const I magnitude = bits_as<I>(x) & splat<I>(0x7fffffff);
  return bits_as<V>(magnitude | (bits_as<I>(y) & ~splat<I>(0x7fffffff)));
}

/** Element conversion with C's rules (toward zero); lanes out of the target's range are unspecified. */
template <class T, class V, IfRegister<V> = 0>
CORTADO_INLINE Rebind<V, T> convert(V x) {
  return __builtin_convertvector(x, Rebind<V, T>);
}

/** Largest whole number ≤ x; −0, infinities and NaN stay. From 2^23 on every float is whole. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V floor(V x) {
  const V whole = convert<float>(convert<std::int32_t>(x));
  if constexpr (kComparesBits<V>) {
    // Of two numbers below zero the greater one has the smaller bits.
    const V toward_zero = copysign(whole, x);
    const auto bits = bits_as<Rebind<V, std::int32_t>>(x);
    const auto above = (bits_as<Rebind<V, std::int32_t>>(toward_zero) < bits) & (bits < 0);
    return select(abs(x) < splat<V>(8388608.0f), select(above, toward_zero - 1.0f, toward_zero), x);
  }
  const V down = select(gt(whole, x), whole - 1.0f, whole);
  return select(lt(abs(x), splat<V>(8388608.0f)), copysign(down, x), x);
}

template <class V, IfVector<V> = 0>
CORTADO_INLINE V ceil(V x) {
  return -floor(-x);
}

/** Nearest whole number, ties to even: 0.5 gives 0, 1.5 gives 2. Adding 2^23 leaves no room for a fraction. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V round_half_even(V x) {
  const V shift = copysign(splat<V>(8388608.0f), x);
  return select(lt(abs(x), splat<V>(8388608.0f)), copysign((x + shift) - shift, x), x);
}

template <class V, IfVector<V> = 0>
CORTADO_INLINE V divide(V a, V b) {
  return a / b;
}

/** C's remainder, lane by lane (rare in nets). */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V remainder(V a, V b) {
  V result;
  for (int lane = 0; lane < kLanesOf<V>; ++lane) result[lane] = __builtin_fmodf(a[lane], b[lane]);
  return result;
}

// On lane masks only.
template <class M, IfVector<M> = 0>
CORTADO_INLINE M logical_and(M a, M b) {
  return a & b;
}
template <class M, IfVector<M> = 0>
CORTADO_INLINE M logical_or(M a, M b) {
  return a | b;
}
template <class M, IfVector<M> = 0>
CORTADO_INLINE M logical_xor(M a, M b) {
  return a ^ b;
}
template <class M, IfVector<M> = 0>
CORTADO_INLINE M logical_not(M a) {
  return ~a;
}

/** float lanes to bool: a mask of what is not zero. Mask to float: 1 and 0. float to float: itself. */
template <class T, class V, IfVector<V> = 0>
CORTADO_INLINE auto cast(V x) {
  constexpr bool is_mask = std::is_same_v<LaneOf<V>, std::int32_t>;
  static_assert(std::is_same_v<T, float> || (std::is_same_v<T, bool> && !is_mask), "vectors know float and bool; map such functors as scalars");
  if constexpr (std::is_same_v<T, bool>) {
    return ne(x, V{});
  } else if constexpr (is_mask) {
    return select(x, splat<Rebind<V, float>>(1.0f), Rebind<V, float>{});
  } else {
    return x;
  }
}

/** Correctly rounded. The compilers have no vector square root, and turn a loop of scalar ones into calls (for errno). */
template <class V, IfRegister<V> = 0>
CORTADO_INLINE V sqrt(V x) {
  V root;
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) {
    __asm__("vsqrtps %1, %0" : "=v"(root) : "v"(x));
    return root;
  }
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) {
    __asm__("vsqrtps %1, %0" : "=x"(root) : "x"(x));
    return root;
  }
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(V) == 16) {
    __asm__("sqrtps %1, %0" : "=x"(root) : "x"(x));
    return root;
  }
#elif defined(__aarch64__)
  if constexpr (sizeof(V) == 16) {
    __asm__("fsqrt %0.4s, %1.4s" : "=w"(root) : "w"(x));
    return root;
  }
#endif
  for (int lane = 0; lane < kLanesOf<V>; ++lane) root[lane] = __builtin_sqrtf(x[lane]);
  return root;
}

/** Sum of all lanes, pairwise (halves added to halves). */
template <class V, IfVector<V> = 0>
CORTADO_INLINE LaneOf<V> sum_lanes(V x) {
  LaneOf<V> lanes[kLanesOf<V>];
  store(lanes, x);
  for (int half = kLanesOf<V> / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

template <class V, IfVector<V> = 0>
CORTADO_INLINE LaneOf<V> max_lanes(V x) {
  LaneOf<V> largest = x[0];
  for (int lane = 1; lane < kLanesOf<V>; ++lane) largest = largest < x[lane] ? x[lane] : largest;
  return largest;
}

}  // namespace cortado
