// Types that kernels read and write but do not compute in: bf16 and fp16. Both are loaded as floats and rounded when stored.
#pragma once

#include "cortado/bf16.h"
#include "cortado/half.h"

namespace cortado {

/** The number that an element stands for: a float for the storage types, itself for all others. */
template <class T, IfScalar<T> = 0>
CORTADO_INLINE T to_number(T value) {
  return value;
}

/** float, or stored as something that is read and written as float. */
template <class T>
inline constexpr bool kIsFloatStorage = std::is_same_v<T, float> || std::is_same_v<T, Bfloat16> || std::is_same_v<T, Half>;

}  // namespace cortado
