// The functions that printed functors call, for numbers on the device: same names and rules as cortado/scalar.h, math.h and
// expression.h have on the host (NaN, wrapping integers, division by zero). pack_expression.h has them for packs.
#pragma once

#include <cmath>

#include "cortado_cuda/pack.h"

namespace cortado::cuda {

inline constexpr float kInfinityF = __builtin_inff();
inline constexpr float kNanF = __builtin_nanf("");
inline constexpr double kInfinity = __builtin_inf();
inline constexpr double kNan = __builtin_nan("");

template <class V>
using IfNumber = std::enable_if_t<std::is_arithmetic_v<V>, int>;

template <class V, IfNumber<V> = 0>
CORTADO_DEVICE V splat(V value) {
  return value;
}
/** b if a < b, else a: max(x, 0) keeps a NaN in x, as Caffe2's Relu does. */
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE V max(V a, V b) {
  return a < b ? b : a;
}
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE V min(V a, V b) {
  return b < a ? b : a;
}
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE bool lt(V a, V b) {
  return a < b;
}
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE bool le(V a, V b) {
  return a <= b;
}
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE bool gt(V a, V b) {
  return a > b;
}
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE bool ge(V a, V b) {
  return a >= b;
}
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE bool eq(V a, V b) {
  return a == b;
}
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE bool ne(V a, V b) {
  return a != b;
}
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE V select(bool mask, V a, V b) {
  return mask ? a : b;
}

CORTADO_DEVICE float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
CORTADO_DEVICE double fma(double a, double b, double c) { return ::fma(a, b, c); }
CORTADO_DEVICE float abs(float x) { return ::fabsf(x); }
CORTADO_DEVICE double abs(double x) { return ::fabs(x); }
CORTADO_DEVICE std::int32_t abs(std::int32_t x) { return x < 0 ? static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(x)) : x; }
CORTADO_DEVICE std::int64_t abs(std::int64_t x) { return x < 0 ? static_cast<std::int64_t>(std::uint64_t{0} - static_cast<std::uint64_t>(x)) : x; }
CORTADO_DEVICE float copysign(float x, float y) { return ::copysignf(x, y); }
CORTADO_DEVICE float sqrt(float x) { return ::sqrtf(x); }
CORTADO_DEVICE double sqrt(double x) { return ::sqrt(x); }
CORTADO_DEVICE float floor(float x) { return ::floorf(x); }
CORTADO_DEVICE double floor(double x) { return ::floor(x); }
CORTADO_DEVICE float ceil(float x) { return ::ceilf(x); }
CORTADO_DEVICE double ceil(double x) { return ::ceil(x); }
CORTADO_DEVICE float round_half_even(float x) { return ::rintf(x); }
CORTADO_DEVICE double round_half_even(double x) { return ::rint(x); }
CORTADO_DEVICE float exp(float x) { return ::expf(x); }
CORTADO_DEVICE double exp(double x) { return ::exp(x); }
CORTADO_DEVICE float log(float x) { return ::logf(x); }
CORTADO_DEVICE double log(double x) { return ::log(x); }
CORTADO_DEVICE float tanh(float x) { return ::tanhf(x); }
CORTADO_DEVICE double tanh(double x) { return ::tanh(x); }
CORTADO_DEVICE float pow(float x, float y) { return ::powf(x, y); }
CORTADO_DEVICE double pow(double x, double y) { return ::pow(x, y); }
CORTADO_DEVICE float sin(float x) { return ::sinf(x); }
CORTADO_DEVICE double sin(double x) { return ::sin(x); }
CORTADO_DEVICE float cos(float x) { return ::cosf(x); }
CORTADO_DEVICE double cos(double x) { return ::cos(x); }

/** 1/(1 + e^−x) without overflow: for x < 0 it is e^x/(1 + e^x), so that tiny results keep their digits. */
CORTADO_DEVICE float sigmoid(float x) {
  const float e = ::expf(-::fabsf(x));
  return (x < 0.0f ? e : x == x ? 1.0f : x) / (1.0f + e);
}
CORTADO_DEVICE double sigmoid(double x) { return 1.0 / (1.0 + ::exp(-x)); }

/** C's conversion, except that a float outside the target's range gives its smallest value and any non-zero is true. */
template <class T, class V, IfNumber<V> = 0>
CORTADO_DEVICE T cast(V x) {
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

/** Quotient; of integers toward zero, wrapping, and 0 for a zero divisor. */
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE V divide(V a, V b) {
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
template <class V, IfNumber<V> = 0>
CORTADO_DEVICE V remainder(V a, V b) {
  if constexpr (std::is_same_v<V, float>) {
    return ::fmodf(a, b);
  } else if constexpr (std::is_same_v<V, double>) {
    return ::fmod(a, b);
  } else {
    if (b == V{}) return V{};
    if constexpr (std::is_signed_v<V>) {
      if (b == static_cast<V>(-1)) return V{};
    }
    return static_cast<V>(a % b);
  }
}

template <class A, class B, IfNumber<A> = 0, IfNumber<B> = 0>
CORTADO_DEVICE bool logical_and(A a, B b) {
  return a != A{} && b != B{};
}
template <class A, class B, IfNumber<A> = 0, IfNumber<B> = 0>
CORTADO_DEVICE bool logical_or(A a, B b) {
  return a != A{} || b != B{};
}
template <class A, class B, IfNumber<A> = 0, IfNumber<B> = 0>
CORTADO_DEVICE bool logical_xor(A a, B b) {
  return (a != A{}) != (b != B{});
}
template <class A, IfNumber<A> = 0>
CORTADO_DEVICE bool logical_not(A a) {
  return a == A{};
}

template <class T>
CORTADO_DEVICE T wrap_add(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
template <class T>
CORTADO_DEVICE T wrap_sub(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
template <class T>
CORTADO_DEVICE T wrap_mul(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}
template <class T>
CORTADO_DEVICE T wrap_neg(T a) {
  return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(a));
}

}  // namespace cortado::cuda

#include "cortado_cuda/pack_expression.h"
