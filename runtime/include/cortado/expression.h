// The functions that generated functors call besides those of simd.h, scalar.h and math.h: arithmetic that wraps, division,
// logic and casts. Integer overflow wraps (Caffe2's builds do), division by zero gives 0 (checked nets fail before).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cortado/math.h"

namespace cortado {

inline constexpr float kInfinityF = std::numeric_limits<float>::infinity();
inline constexpr float kNanF = std::numeric_limits<float>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class T>
using IfInteger = std::enable_if_t<std::is_integral_v<T>, int>;

template <class T, IfInteger<T> = 0>
CORTADO_INLINE T wrap_add(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
template <class T, IfInteger<T> = 0>
CORTADO_INLINE T wrap_sub(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
template <class T, IfInteger<T> = 0>
CORTADO_INLINE T wrap_mul(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}
template <class T, IfInteger<T> = 0>
CORTADO_INLINE T wrap_neg(T a) {
  return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(a));
}

template <class V, IfVector<V> = 0>
CORTADO_INLINE V divide(V a, V b) {
  return a / b;
}
CORTADO_INLINE float divide(float a, float b) { return a / b; }
CORTADO_INLINE double divide(double a, double b) { return a / b; }
/** Toward zero; INT_MIN / -1 wraps to INT_MIN. */
template <class T, IfInteger<T> = 0>
CORTADO_INLINE T divide(T a, T b) {
  if (b == T{0}) return T{0};
  if constexpr (std::is_signed_v<T>) {
    if (b == T{-1}) return wrap_neg(a);
  }
  return static_cast<T>(a / b);
}

CORTADO_INLINE float remainder(float a, float b) { return std::fmod(a, b); }
CORTADO_INLINE double remainder(double a, double b) { return std::fmod(a, b); }
/** Sign of the dividend, as in C. */
template <class T, IfInteger<T> = 0>
CORTADO_INLINE T remainder(T a, T b) {
  if (b == T{0}) return T{0};
  if constexpr (std::is_signed_v<T>) {
    if (b == T{-1}) return T{0};
  }
  return static_cast<T>(a % b);
}

/** One lane at a time, for functions that no vector form exists of. */
template <class V, class F, IfVector<V> = 0>
CORTADO_INLINE V per_lane(V x, const F& f) {
  for (int lane = 0; lane < kLanesOf<V>; ++lane) x[lane] = f(x[lane]);
  return x;
}

template <class V, IfVector<V> = 0>
CORTADO_INLINE V remainder(V a, V b) {
  for (int lane = 0; lane < kLanesOf<V>; ++lane) a[lane] = std::fmod(a[lane], b[lane]);
  return a;
}

CORTADO_INLINE float sin(float x) { return std::sin(x); }
CORTADO_INLINE double sin(double x) { return std::sin(x); }
CORTADO_INLINE float cos(float x) { return std::cos(x); }
CORTADO_INLINE double cos(double x) { return std::cos(x); }
template <class V, IfVector<V> = 0>
CORTADO_INLINE V sin(V x) {
  return per_lane(x, [](float lane) { return std::sin(lane); });
}
template <class V, IfVector<V> = 0>
CORTADO_INLINE V cos(V x) {
  return per_lane(x, [](float lane) { return std::cos(lane); });
}

/** Ties to even: 0.5 gives 0, 1.5 gives 2. */
CORTADO_INLINE float round_half_even(float x) { return std::nearbyint(x); }
CORTADO_INLINE double round_half_even(double x) { return std::nearbyint(x); }
template <class V, IfVector<V> = 0>
CORTADO_INLINE V round_half_even(V x) {
  return per_lane(x, [](float lane) { return std::nearbyint(lane); });
}

CORTADO_INLINE bool logical_and(bool a, bool b) { return a && b; }
CORTADO_INLINE bool logical_or(bool a, bool b) { return a || b; }
CORTADO_INLINE bool logical_xor(bool a, bool b) { return a != b; }
CORTADO_INLINE bool logical_not(bool a) { return !a; }

/** C++ conversion with every case defined: floats out of range give the smallest integer, as x86 does. */
template <class To, class From>
CORTADO_INLINE To cast(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    using Wide = std::conditional_t<sizeof(To) == 8, std::int64_t, std::int32_t>;
    constexpr From low = static_cast<From>(std::numeric_limits<Wide>::min());
    const bool fits = x >= low && x < -low;
    return static_cast<To>(fits ? static_cast<Wide>(x) : std::numeric_limits<Wide>::min());
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace cortado
