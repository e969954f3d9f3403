// Functions that printed functors call for single numbers (float, double, the ints, bool) and that compute the same on the host and
// on devices. scalar.h, math.h and cortado_cuda/expression.h have the others.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cortado/host_device.h"

namespace cortado {

inline constexpr float kInfinityF = __builtin_inff();
inline constexpr float kNanF = __builtin_nanf("");
inline constexpr double kInfinity = __builtin_inf();
inline constexpr double kNan = __builtin_nan("");

template <class V>
using IfNumber = std::enable_if_t<std::is_arithmetic_v<V>, int>;

template <class V, IfNumber<V> = 0>
CORTADO_BOTH V splat(V value) {
  return value;
}
/** b if a < b, else a: max(x, 0) keeps a NaN in x, as Caffe2's Relu does. */
template <class V, IfNumber<V> = 0>
CORTADO_BOTH V max(V a, V b) {
  return a < b ? b : a;
}
template <class V, IfNumber<V> = 0>
CORTADO_BOTH V min(V a, V b) {
  return b < a ? b : a;
}
template <class V, IfNumber<V> = 0>
CORTADO_BOTH bool lt(V a, V b) {
  return a < b;
}
template <class V, IfNumber<V> = 0>
CORTADO_BOTH bool le(V a, V b) {
  return a <= b;
}
template <class V, IfNumber<V> = 0>
CORTADO_BOTH bool gt(V a, V b) {
  return a > b;
}
template <class V, IfNumber<V> = 0>
CORTADO_BOTH bool ge(V a, V b) {
  return a >= b;
}
template <class V, IfNumber<V> = 0>
CORTADO_BOTH bool eq(V a, V b) {
  return a == b;
}
template <class V, IfNumber<V> = 0>
CORTADO_BOTH bool ne(V a, V b) {
  return a != b;
}
template <class V, IfNumber<V> = 0>
CORTADO_BOTH V select(bool mask, V a, V b) {
  return mask ? a : b;
}

CORTADO_BOTH std::int32_t abs(std::int32_t x) { return x < 0 ? static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(x)) : x; }
CORTADO_BOTH std::int64_t abs(std::int64_t x) { return x < 0 ? static_cast<std::int64_t>(0u - static_cast<std::uint64_t>(x)) : x; }

/** C's conversion, except that a float outside the target's range gives its smallest value (as x86 does) and any non-zero is true. */
template <class T, class V, IfNumber<V> = 0>
CORTADO_BOTH T cast(V x) {
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
template <class V, IfNumber<V> = 0>
CORTADO_BOTH V divide(V a, V b) {
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

template <class A, class B, IfNumber<A> = 0, IfNumber<B> = 0>
CORTADO_BOTH bool logical_and(A a, B b) {
  return a != A{} && b != B{};
}
template <class A, class B, IfNumber<A> = 0, IfNumber<B> = 0>
CORTADO_BOTH bool logical_or(A a, B b) {
  return a != A{} || b != B{};
}
template <class A, class B, IfNumber<A> = 0, IfNumber<B> = 0>
CORTADO_BOTH bool logical_xor(A a, B b) {
  return (a != A{}) != (b != B{});
}
template <class A, IfNumber<A> = 0>
CORTADO_BOTH bool logical_not(A a) {
  return a == A{};
}

// Integer arithmetic that wraps, as Caffe2's builds do, without C++'s undefined behaviour.

template <class T>
using IfInteger = std::enable_if_t<std::is_integral_v<T>, int>;

template <class T, IfInteger<T> = 0>
CORTADO_BOTH T wrap_add(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
template <class T, IfInteger<T> = 0>
CORTADO_BOTH T wrap_sub(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
template <class T, IfInteger<T> = 0>
CORTADO_BOTH T wrap_mul(T a, T b) {
  return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}
template <class T, IfInteger<T> = 0>
CORTADO_BOTH T wrap_neg(T a) {
  return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(a));
}

}  // namespace cortado
