// What generated functors call besides simd.h, scalar.h and math.h: integer arithmetic that wraps, as Caffe2's builds do,
// without C++'s undefined behaviour.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cortado/math.h"

namespace cortado {


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

}  // namespace cortado
