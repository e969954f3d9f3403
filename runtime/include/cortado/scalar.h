// The functions of simd.h for single numbers (float, double, the ints, bool): a functor written with them works on a
// vector and on a number alike. Same names, same NaN rules, bool in place of lane masks.
#pragma once

#include <cmath>

#include "cortado/number.h"
#include "cortado/simd.h"

namespace cortado {

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
template <class V, IfFloating<V> = 0>
CORTADO_INLINE V fma(V a, V b, V c) {
  return a * b + c;
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

CORTADO_INLINE float abs(float x) { return __builtin_fabsf(x); }
CORTADO_INLINE double abs(double x) { return __builtin_fabs(x); }
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

/** Element conversion with C's rules; `cast` has rules of its own. */
template <class T, class V, IfScalar<V> = 0>
CORTADO_INLINE T convert(V x) {
  return static_cast<T>(x);
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

}  // namespace cortado
