// The functions of simd.h for single numbers (float, double, the ints, bool): a functor written with them works on a
// vector and on a number alike. Same names, same NaN rules, bool in place of lane masks.
#pragma once

#include <cmath>

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

/** Element conversion with C's rules. */
template <class T, class V, IfScalar<V> = 0>
CORTADO_INLINE T convert(V x) {
  return static_cast<T>(x);
}

}  // namespace cortado
