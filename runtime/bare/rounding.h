// Rounding, remainders and roots of floats and doubles where the FPU has no instruction for them. All exact or correctly
// rounded.
#pragma once

#include "number_format.h"

namespace cortado {

/** Toward zero; -0.25 goes to -0.0, NaN stays. */
template <class T>
T truncated(T x) {
  if (!(magnitude(x) < Format<T>::kWhole)) return x;
  return with_sign_of(static_cast<T>(static_cast<typename Format<T>::Whole>(x)), x);
}

/** -0.25 goes to -1, -0.0 and NaN stay. */
template <class T>
T rounded_down(T x) {
  const T whole = truncated(x);
  return whole > x ? whole - 1 : whole;
}

/** Ties to even: adding 2^kFractionBits leaves no room for a fraction. */
template <class T>
T rounded_to_even(T x) {
  if (!(magnitude(x) < Format<T>::kWhole)) return x;
  const T shift = with_sign_of(Format<T>::kWhole, x);
  volatile T sum = x + shift;
  return with_sign_of(sum - shift, x);
}

/** Ties away from zero. */
template <class T>
T rounded_away(T x) {
  const T whole = truncated(x);
  return magnitude(x - whole) < static_cast<T>(0.5) ? whole : with_sign_of(magnitude(whole) + 1, x);
}

/** C's fmod: long division of the significands, one bit at a time. */
template <class T>
T remainder_of(T x, T y) {
  using F = Format<T>;
  using Word = typename F::Word;
  constexpr Word implicit = Word{1} << F::kFractionBits;
  const Word infinite = word_of(kInfinite<T>);
  Word a = word_of(magnitude(x)), b = word_of(magnitude(y));
  if (a >= infinite || b > infinite || b == 0) return kNoNumber<T>;
  if (a < b) return x;
  int exponent_a = static_cast<int>(a >> F::kFractionBits), exponent_b = static_cast<int>(b >> F::kFractionBits);
  Word m = a & (implicit - 1), n = b & (implicit - 1);
  if (exponent_a == 0) exponent_a = 1;
  else m |= implicit;
  if (exponent_b == 0) exponent_b = 1;
  else n |= implicit;
  m %= n;
  for (; exponent_a > exponent_b; --exponent_a) {
    m <<= 1;
    if (m >= n) m -= n;
  }
  if (m == 0) return with_sign_of(T{0}, x);
  for (; m < implicit && exponent_b > 1; --exponent_b) m <<= 1;
  const Word bits = m < implicit ? m : (m & (implicit - 1)) | static_cast<Word>(exponent_b) << F::kFractionBits;
  return with_sign_of(number_of<T>(bits), x);
}

/** √x, correctly rounded: 54 binary digits by hand, the last of which rounds (a root lies never halfway). */
inline double square_root(double x) {
  using F = Format<double>;
  if (x == 0 || x != x || x == kInfinite<double>) return x;
  if (x < 0) return kNoNumber<double>;
  const bool is_subnormal = word_of(x) >> F::kFractionBits == 0;
  const std::uint64_t bits = word_of(is_subnormal ? x * F::kWhole : x);
  const int exponent = static_cast<int>(bits >> F::kFractionBits) - F::kBias - (is_subnormal ? F::kFractionBits : 0);
  const std::uint64_t significand = (bits & ((std::uint64_t{1} << F::kFractionBits) - 1)) | std::uint64_t{1} << F::kFractionBits;
  const int odd = exponent & 1;
  std::uint64_t digits = significand << (10 + odd), rest = 0, root = 0;
  for (int i = 0; i < F::kFractionBits + 2; ++i) {
    rest = rest << 2 | digits >> 62;
    digits <<= 2;
    const std::uint64_t trial = root << 2 | 1;
    root <<= 1;
    if (rest < trial) continue;
    rest -= trial;
    root |= 1;
  }
  const std::uint64_t result = (root >> 1) + (root & 1);
  return number_of<double>(result + (static_cast<std::uint64_t>((exponent - odd) / 2 + F::kBias - 1) << F::kFractionBits));
}

}  // namespace cortado
