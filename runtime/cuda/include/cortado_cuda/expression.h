// The functions that printed functors call, for numbers on the device: those of cortado/number.h and, under the names and rules of
// cortado/scalar.h and math.h, those that the device has its own of. pack_expression.h has them for packs.
#pragma once

#include <cmath>

#include "cortado/number.h"
#include "cortado_cuda/pack.h"

namespace cortado::cuda {

// Beside the overloads for packs.
using cortado::abs, cortado::cast, cortado::divide, cortado::eq, cortado::ge, cortado::gt, cortado::le, cortado::logical_and, cortado::logical_not,
    cortado::logical_or, cortado::logical_xor, cortado::lt, cortado::max, cortado::min, cortado::ne, cortado::select, cortado::splat;

CORTADO_DEVICE float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
CORTADO_DEVICE double fma(double a, double b, double c) { return ::fma(a, b, c); }
CORTADO_DEVICE float abs(float x) { return ::fabsf(x); }
CORTADO_DEVICE double abs(double x) { return ::fabs(x); }
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

}  // namespace cortado::cuda

#include "cortado_cuda/pack_expression.h"
