// exp, log, tanh, sigmoid, pow, sin, cos for vectors and floats with the same bits for both, so that a result does not
// depend on where a vector loop ends. Errors, measured by test/math_test.cc over all floats: see each function.
// Subnormal inputs and results are exact to the same bound; infinities and NaN as in C.
#pragma once

#include "cortado/scalar.h"

namespace cortado {

/** Bits of a float or of each lane. */
template <class V>
struct BitsOf {
  using Type = Rebind<V, std::int32_t>;
};
template <>
struct BitsOf<float> {
  using Type = std::int32_t;
};
template <class V>
using Bits = typename BitsOf<V>::Type;

template <class V>
inline constexpr bool kIsFloatLike = std::is_same_v<std::remove_cv_t<V>, float> || !kIsScalar<V>;

template <class V>
using IfFloatLike = std::enable_if_t<kIsFloatLike<V>, int>;

/** 2^n for whole n in [-126, 127]. */
template <class V, class I>
CORTADO_INLINE V power_of_two(I n) {
  return bits_as<V>((n + 127) * (1 << 23));
}

/** exp(x) for |x| ≤ ln2/2: Taylor to x^7, whose next term is below 2^-29. */
template <class V>
CORTADO_INLINE V exp_near_zero(V x) {
  V p = splat<V>(1.0f / 5040.0f);
  p = fma(p, x, splat<V>(1.0f / 720.0f));
  p = fma(p, x, splat<V>(1.0f / 120.0f));
  p = fma(p, x, splat<V>(1.0f / 24.0f));
  p = fma(p, x, splat<V>(1.0f / 6.0f));
  p = fma(p, x, splat<V>(0.5f));
  return fma(p * x, x, x) + splat<V>(1.0f);
}

/** e^x, within 2 ulp. x = n·ln2 + r; 2^n is applied in two factors, so that subnormal results and 2^128 · 0.99 come out right. */
template <class V, IfFloatLike<V> = 0>
CORTADO_INLINE V exp(V x) {
  const V inside = min(max(x, splat<V>(-104.0f)), splat<V>(89.0f));
  const V finite = select(eq(x, x), inside, splat<V>(0.0f));
  const V n = floor(fma(finite, splat<V>(1.44269504f), splat<V>(0.5f)));
  const V r = fma(n, splat<V>(-1.42860677e-6f), fma(n, splat<V>(-0.693145752f), finite));
  const auto whole = convert<std::int32_t>(n);
  const auto half = whole >> 1;
  const V result = exp_near_zero(r) * power_of_two<V>(half) * power_of_two<V>(whole - half);
  return select(eq(x, x), result, x);
}

/**
 * ln x, within 2 ulp; −inf at 0, NaN below. x = 2^e·(1+f); with s = f/(2+f): ln(1+f) = 2·atanh s = f − s·(f − s²·P(s²)).
 * No sum has two products, so that contraction cannot differ between vectors and floats.
 */
template <class V, IfFloatLike<V> = 0>
CORTADO_INLINE V log(V x) {
  const auto tiny = lt(x, splat<V>(1.17549435e-38f));
  const V scaled = abs(select(tiny, x * splat<V>(8388608.0f), x));
  const Bits<V> bits = bits_as<Bits<V>>(scaled) - 0x3f3504f3;  // sqrt(1/2): f lies in [-0.29, 0.42]
  const V exponent = convert<float>(bits >> 23) - select(tiny, splat<V>(23.0f), splat<V>(0.0f));
  const V f = bits_as<V>((bits & 0x007fffff) + 0x3f3504f3) - splat<V>(1.0f);
  const V s = f / (f + splat<V>(2.0f));
  const V z = s * s;
  V p = splat<V>(2.0f / 11.0f);
  p = fma(p, z, splat<V>(2.0f / 9.0f));
  p = fma(p, z, splat<V>(2.0f / 7.0f));
  p = fma(p, z, splat<V>(0.4f));
  p = fma(p, z, splat<V>(2.0f / 3.0f));
  const V near_one = fma(-s, fma(-z, p, f), f);
  const V result = fma(exponent, splat<V>(0.693145752f), fma(exponent, splat<V>(1.42860677e-6f), near_one));
  const V infinity = splat<V>(kInfinityF);
  const V outside = select(eq(x, splat<V>(0.0f)), -infinity, select(gt(x, splat<V>(0.0f)), x, splat<V>(kNanF)));
  const auto finite = lt(x, infinity);
  return select(gt(x, splat<V>(0.0f)), select(finite, result, outside), outside);
}

/** tanh x, within 3 ulp. Near zero a quotient of polynomials (continued fraction), elsewhere 1 − 2/(e^2x + 1). */
template <class V, IfFloatLike<V> = 0>
CORTADO_INLINE V tanh(V x) {
  const V size = abs(x);
  const V square = x * x;
  const V top = fma(fma(square, splat<V>(1.0f), splat<V>(105.0f)), square, splat<V>(945.0f));
  const V bottom = fma(fma(square, splat<V>(15.0f), splat<V>(420.0f)), square, splat<V>(945.0f));
  const V big = splat<V>(1.0f) - splat<V>(2.0f) / (exp(size + size) + splat<V>(1.0f));
  return select(lt(size, splat<V>(0.5f)), x * (top / bottom), copysign(big, x));
}

/** 1/(1 + e^−x), within 3 ulp, tiny results included: for x < 0 it is e^x/(1 + e^x). */
template <class V, IfFloatLike<V> = 0>
CORTADO_INLINE V sigmoid(V x) {
  const V e = exp(-abs(x));
  const V one = splat<V>(1.0f);
  return select(lt(x, splat<V>(0.0f)), e, select(eq(x, x), one, x)) / (one + e);
}

CORTADO_INLINE double exp(double x) { return __builtin_exp(x); }
CORTADO_INLINE double log(double x) { return __builtin_log(x); }
CORTADO_INLINE double tanh(double x) { return __builtin_tanh(x); }
CORTADO_INLINE double sigmoid(double x) { return 1.0 / (1.0 + __builtin_exp(-x)); }
CORTADO_INLINE double pow(double x, double y) { return __builtin_pow(x, y); }
CORTADO_INLINE double sin(double x) { return __builtin_sin(x); }
CORTADO_INLINE double cos(double x) { return __builtin_cos(x); }
CORTADO_INLINE float pow(float x, float y) { return __builtin_powf(x, y); }
CORTADO_INLINE float sin(float x) { return __builtin_sinf(x); }
CORTADO_INLINE float cos(float x) { return __builtin_cosf(x); }

// Rare in nets: lane by lane, the C library's accuracy.
template <class V, IfVector<V> = 0>
CORTADO_INLINE V pow(V x, V y) {
  V result;
  for (int lane = 0; lane < kLanesOf<V>; ++lane) result[lane] = __builtin_powf(x[lane], y[lane]);
  return result;
}
template <class V, IfVector<V> = 0>
CORTADO_INLINE V sin(V x) {
  V result;
  for (int lane = 0; lane < kLanesOf<V>; ++lane) result[lane] = __builtin_sinf(x[lane]);
  return result;
}
template <class V, IfVector<V> = 0>
CORTADO_INLINE V cos(V x) {
  V result;
  for (int lane = 0; lane < kLanesOf<V>; ++lane) result[lane] = __builtin_cosf(x[lane]);
  return result;
}

}  // namespace cortado
