// The functions of simd.h for single numbers (float, double, the ints, bool): a functor written with them works on a
// vector and on a number alike. Same names, same NaN rules, bool in place of lane masks.
#pragma once

#include <cmath>

#include "cortado/simd.h"

namespace cortado {

inline constexpr float kInfinityF = __builtin_inff();
inline constexpr float kNanF = __builtin_nanf("");
inline constexpr double kInfinity = __builtin_inf();
inline constexpr double kNan = __builtin_nan("");

template <class V>
using IfScalar = std::enable_if_t<kIsScalar<V>, int>;

template <class V>
using IfFloating = std::enable_if_t<std::is_floating_point_v<V>, int>;

template <class V, IfScalar<V> = 0>
CORTADO_INLINE V load(const V* source) {
  return *source;
}
template <class V>
CORTADO_INLINE std::enable_if_t<kIsScalar<V>> store(V* target, V value) {
  *target = value;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V splat(V value) {
  return value;
}
template <class V, IfFloating<V> = 0>
CORTADO_INLINE V fma(V a, V b, V c) {
  return a * b + c;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V max(V a, V b) {
  return a < b ? b : a;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V min(V a, V b) {
  return b < a ? b : a;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V max_number(V a, V b) {
  return max(a, b);
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V at_least(V x, V least) {
  return max(x, least);
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V at_most(V x, V most) {
  return min(x, most);
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE bool lt(V a, V b) {
  return a < b;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE bool le(V a, V b) {
  return a <= b;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE bool gt(V a, V b) {
  return a > b;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE bool ge(V a, V b) {
  return a >= b;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE bool eq(V a, V b) {
  return a == b;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE bool ne(V a, V b) {
  return a != b;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V select(bool mask, V a, V b) {
  return mask ? a : b;
}

CORTADO_INLINE float abs(float x) { return __builtin_fabsf(x); }
CORTADO_INLINE double abs(double x) { return __builtin_fabs(x); }
CORTADO_INLINE std::int32_t abs(std::int32_t x) { return x < 0 ? static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(x)) : x; }
CORTADO_INLINE std::int64_t abs(std::int64_t x) { return x < 0 ? static_cast<std::int64_t>(0u - static_cast<std::uint64_t>(x)) : x; }
CORTADO_INLINE float copysign(float x, float y) { return __builtin_copysignf(x, y); }
CORTADO_INLINE double copysign(double x, double y) { return __builtin_copysign(x, y); }
CORTADO_INLINE float sqrt(float x) { return __builtin_sqrtf(x); }
CORTADO_INLINE double sqrt(double x) { return __builtin_sqrt(x); }
CORTADO_INLINE float floor(float x) { return __builtin_floorf(x); }
CORTADO_INLINE double floor(double x) { return __builtin_floor(x); }
CORTADO_INLINE float ceil(float x) { return __builtin_ceilf(x); }
CORTADO_INLINE double ceil(double x) { return __builtin_ceil(x); }

CORTADO_INLINE float round_half_even(float x) { return __builtin_rintf(x); }
CORTADO_INLINE double round_half_even(double x) { return __builtin_rint(x); }

/** Element conversion with C's rules. */
template <class T, class V, IfScalar<V> = 0>
CORTADO_INLINE T convert(V x) {
  return static_cast<T>(x);
}

/** As convert, except that a float outside the target's range gives its smallest value (as x86 does) and any non-zero is true. */
template <class T, class V, IfScalar<V> = 0>
CORTADO_INLINE T cast(V x) {
  if constexpr (std::is_same_v<T, bool>) {
    return x != V{};
  } else if constexpr (std::is_floating_point_v<V> && std::is_integral_v<T>) {
    constexpr V limit = static_cast<V>(std::uint64_t{1} << (8 * sizeof(T) - (std::is_signed_v<T> ? 1 : 0)));
    constexpr V floor_limit = std::is_signed_v<T> ? -limit : V{};
    constexpr T smallest = std::is_signed_v<T> ? static_cast<T>(std::uint64_t{1} << (8 * sizeof(T) - 1)) : T{};
    return x >= floor_limit && x < limit ? static_cast<T>(x) : smallest;
  } else {
    return static_cast<T>(x);
  }
}

/** Quotient; of integers toward zero, wrapping, and 0 for a zero divisor: no input may stop the program. */
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V divide(V a, V b) {
  if constexpr (std::is_floating_point_v<V>) {
    return a / b;
  } else {
    if (b == V{}) return V{};
    if constexpr (std::is_signed_v<V>) {
      if (b == static_cast<V>(-1)) return static_cast<V>(std::uint64_t{0} - static_cast<std::uint64_t>(a));
    }
    return static_cast<V>(a / b);
  }
}

/** C's remainder, with the sign of a; 0 for a zero integer divisor. */
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V remainder(V a, V b) {
  if constexpr (std::is_same_v<V, float>) {
    return __builtin_fmodf(a, b);
  } else if constexpr (std::is_same_v<V, double>) {
    return __builtin_fmod(a, b);
  } else {
    if (b == V{}) return V{};
    if constexpr (std::is_signed_v<V>) {
      if (b == static_cast<V>(-1)) return V{};
    }
    return static_cast<V>(a % b);
  }
}

template <class V, IfScalar<V> = 0>
CORTADO_INLINE V sum_lanes(V x) {
  return x;
}
template <class V, IfScalar<V> = 0>
CORTADO_INLINE V max_lanes(V x) {
  return x;
}

template <class A, class B, IfScalar<A> = 0, IfScalar<B> = 0>
CORTADO_INLINE bool logical_and(A a, B b) {
  return a != A{} && b != B{};
}
template <class A, class B, IfScalar<A> = 0, IfScalar<B> = 0>
CORTADO_INLINE bool logical_or(A a, B b) {
  return a != A{} || b != B{};
}
template <class A, class B, IfScalar<A> = 0, IfScalar<B> = 0>
CORTADO_INLINE bool logical_xor(A a, B b) {
  return (a != A{}) != (b != B{});
}
template <class A, IfScalar<A> = 0>
CORTADO_INLINE bool logical_not(A a) {
  return a == A{};
}

}  // namespace cortado
