// sin, cos, exp, log, pow and tanh for machines without a C library, for float and, in software, double: the same text for
// both, which differ in the number of terms. Sums and products whose rounding would show are carried as pairs. Errors,
// measured by runtime/test/bare_math_test.cc: at most 2 ulp. Special values as in C; errno and exception flags do not exist.
#pragma once

#include "number_format.h"

namespace cortado {

/** A number as an unrounded sum: |lo| is below half a unit of hi's last place. */
template <class T>
struct Pair {
  T hi, lo;
};

/** a + b where |a| >= |b| or a = 0. */
template <class T>
Pair<T> sum_of(T a, T b) {
  const T sum = a + b;
  return {sum, b - (sum - a)};
}

/** a·b: with the FPU's fused multiply-add for floats, by halves for doubles, which are no larger than 2^970 here. */
inline Pair<float> product_of(float a, float b) {
  const float product = a * b;
  return {product, __builtin_fmaf(a, b, -product)};
}

inline Pair<double> product_of(double a, double b) {
  const auto upper = [](double x) { return number_of<double>(word_of(x) & ~std::uint64_t{0x7ffffff}); };
  const double product = a * b;
  const double a_high = upper(a), a_low = a - a_high, b_high = upper(b), b_low = b - b_high;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

/** a·b, each a pair; b's rest may be any small number. */
template <class T>
Pair<T> product_of(Pair<T> a, Pair<T> b) {
  const Pair<T> product = product_of(a.hi, b.hi);
  return sum_of(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
}

/** Coefficients of a power series. */
template <class T, int kTerms>
struct Series {
  T terms[kTerms];

  /** terms[0] + terms[1]·x + terms[2]·x² + … */
  T operator()(T x) const {
    T sum = terms[kTerms - 1];
    for (int k = kTerms - 2; k >= 0; --k) sum = sum * x + terms[k];
    return sum;
  }
};

/** sign^k / (first + k·step)!, from k = 0. */
template <class T, int kTerms>
constexpr Series<T, kTerms> factorial_series(int first, int step, int sign) {
  Series<T, kTerms> series{};
  double factorial = 1;
  for (int i = 2; i <= first; ++i) factorial *= i;
  for (int k = 0, at = first; k < kTerms; ++k) {
    series.terms[k] = static_cast<T>((k % 2 == 0 ? 1 : sign) / factorial);
    for (int i = 0; i < step; ++i) factorial *= ++at;
  }
  return series;
}

/** 1/(first + 2k), from k = 0. */
template <class T, int kTerms>
constexpr Series<T, kTerms> odd_series(int first) {
  Series<T, kTerms> series{};
  for (int k = 0; k < kTerms; ++k) series.terms[k] = static_cast<T>(1.0 / (first + 2 * k));
  return series;
}

/** The bits of 2/pi behind the point, after 64 zeros. */
inline constexpr std::uint32_t kTwoOverPi[] = {
    0x00000000, 0x00000000, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561,
    0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41,
    0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7,
    0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046};

/** x = (quarter + 4k)·pi/2 + rest, with |rest| ≤ pi/4. */
template <class T>
struct Reduced {
  int quarter;
  Pair<T> rest;
};

/** For x of any size, |x| > pi/4: x·2/pi modulo 4 in integers, from the bits of 2/pi that x's exponent leaves of weight. */
template <class T>
Reduced<T> reduce(T x) {
  using F = Format<T>;
  constexpr int words = F::kWindowWords, factors = sizeof(T) / 4;
  const auto bits = word_of(magnitude(x));
  const auto significand = (bits & ((typename F::Word{1} << F::kFractionBits) - 1)) | typename F::Word{1} << F::kFractionBits;
  const int first = static_cast<int>(bits >> F::kFractionBits) - F::kBias - F::kFractionBits + 62;
  // |x|·2/pi modulo 4, times 2^(32·words) / 4; the least significant word comes first.
  std::uint32_t product[words] = {};
  for (int f = 0; f < factors; ++f) {
    const auto factor = static_cast<std::uint32_t>(static_cast<std::uint64_t>(significand) >> (32 * f));
    std::uint64_t carry = 0;
    for (int w = 0; w + f < words; ++w) {
      const int bit = first + 32 * (words - 1 - w);
      const std::uint64_t pair = static_cast<std::uint64_t>(kTwoOverPi[bit / 32]) << 32 | kTwoOverPi[bit / 32 + 1];
      const auto window = static_cast<std::uint32_t>(pair >> (32 - bit % 32));
      carry += static_cast<std::uint64_t>(factor) * window + product[w + f];
      product[w + f] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }
  const std::uint32_t rounded = product[words - 1] + 0x20000000u;
  product[words - 1] = (rounded & 0x3fffffffu) - 0x20000000u;
  const bool is_negative = product[words - 1] >> 31 != 0;
  Pair<T> part{0, 0};
  T weight = static_cast<T>(1.0 / (1 << 30)) * (is_negative == (x < 0) ? T{1} : T{-1});
  for (int w = words - 1; w >= 0; --w) {
    // The complement is the negative but for one in the last place, which carries no weight.
    const std::uint32_t word = is_negative ? ~product[w] : product[w];
    const std::uint32_t halves[] = {word >> 16 << 16, word & 0xffffu};
    for (const std::uint32_t half : halves) {
      const Pair<T> sum = sum_of(part.hi, static_cast<T>(half) * weight);
      part = {sum.hi, part.lo + sum.lo};
    }
    weight *= static_cast<T>(1.0 / (65536.0 * 65536.0));
  }
  const int quarter = static_cast<int>(rounded >> 30);
  return {x < 0 ? -quarter & 3 : quarter, product_of(part, Pair<T>{F::kHalfPi, F::kHalfPiRest})};
}

/** sin(x + quarters·pi/2). */
template <class T>
T sine(T x, int quarters) {
  using F = Format<T>;
  constexpr auto sin_series = factorial_series<T, F::kSinTerms>(3, 2, -1);
  constexpr auto cos_series = factorial_series<T, F::kCosTerms>(4, 2, -1);
  if (!(magnitude(x) < kInfinite<T>)) return kNoNumber<T>;
  if (x == 0 && quarters == 0) return x;
  Reduced<T> angle{0, {x, 0}};
  if (magnitude(x) > F::kHalfPi / 2) angle = reduce(x);
  const int quarter = angle.quarter + quarters;
  const auto [r, rest] = angle.rest;
  const T z = r * r;
  const T half = z / 2, near = 1 - half;
  const T value = quarter % 2 == 0 ? r + (rest - r * z * sin_series(z)) : near + (((1 - near) - half) + (z * z * cos_series(z) - r * rest));
  return quarter % 4 >= 2 ? -value : value;
}

/** 2^n·x, rounded once, for results of any size. */
template <class T>
T scaled(T x, int n) {
  using F = Format<T>;
  const auto power = [](int exponent) { return number_of<T>(static_cast<typename F::Word>(exponent + F::kBias) << F::kFractionBits); };
  return x * power(n / 2) * power(n - n / 2);
}

/** e^(x.hi + x.lo). */
template <class T>
T exponential(Pair<T> x) {
  using F = Format<T>;
  constexpr auto series = factorial_series<T, F::kExpTerms>(2, 1, 1);
  if (x.hi != x.hi) return x.hi;
  if (x.hi > F::kExpTo) return kInfinite<T>;
  if (x.hi < F::kExpFrom) return 0;
  const T n = static_cast<T>(static_cast<int>(x.hi * F::kLog2E + with_sign_of(static_cast<T>(0.5), x.hi)));
  const Pair<T> r = sum_of(x.hi - n * F::kLn2, x.lo - n * F::kLn2Rest);
  return scaled(1 + (r.hi + (r.lo + r.hi * r.hi * series(r.hi))), static_cast<int>(n));
}

/** ln x of a positive finite number: x = 2^n·(1+f), s = f/(2+f), ln(1+f) = 2s·(1 + s²·(1/3 + s²/5 + …)). */
template <class T>
Pair<T> logarithm_pair(T x) {
  using F = Format<T>;
  using Word = typename F::Word;
  constexpr auto series = odd_series<T, F::kLogTerms>(5);
  constexpr Word one = static_cast<Word>(F::kBias) << F::kFractionBits;
  const bool is_subnormal = word_of(x) >> F::kFractionBits == 0;
  const Word bits = word_of(is_subnormal ? x * F::kWhole : x);
  const Word below = one - word_of(static_cast<T>(0.70710678118654752));  // 1+f lies in [sqrt(1/2), sqrt(2)]
  const Word shifted = bits + below;
  const int n = static_cast<int>(shifted >> F::kFractionBits) - F::kBias - (is_subnormal ? F::kFractionBits : 0);
  const T f = number_of<T>((shifted & ((Word{1} << F::kFractionBits) - 1)) + (one - below)) - 1;
  const Pair<T> bottom = sum_of(T{2}, f);
  Pair<T> s{f / bottom.hi, 0};
  const Pair<T> back = product_of(s.hi, bottom.hi);
  s.lo = (((f - back.hi) - back.lo) - s.hi * bottom.lo) / bottom.hi;
  const Pair<T> z = product_of(s, s);
  Pair<T> p = sum_of(static_cast<T>(1.0 / 3), z.hi * series(z.hi));
  p.lo += F::kThirdRest;
  p = product_of(z, p);
  const Pair<T> q = sum_of(T{1}, p.hi);
  const Pair<T> near = product_of(Pair<T>{2 * s.hi, 2 * s.lo}, Pair<T>{q.hi, q.lo + p.lo});
  const T count = static_cast<T>(n);
  const Pair<T> sum = sum_of(count * F::kLn2, near.hi);
  return sum_of(sum.hi, sum.lo + (near.lo + count * F::kLn2Rest));
}

/** ln x · factor. */
template <class T>
T logarithm(T x, Pair<T> factor = {1, 0}) {
  if (x == 0) return -kInfinite<T>;
  if (!(x > 0)) return kNoNumber<T>;
  return x == kInfinite<T> ? x : product_of(logarithm_pair(x), factor).hi;
}

template <class T>
T logarithm_to_base_2(T x) {
  return logarithm(x, Pair<T>{Format<T>::kLog2E, Format<T>::kLog2ERest});
}

/** tanh x: near zero the continued fraction x/(1 + x²/(3 + x²/(5 + …))), elsewhere 1 - 2/(e^2x + 1). */
template <class T>
T hyperbolic_tangent(T x) {
  const T size = magnitude(x);
  if (x != x || x == 0) return x;
  if (!(size < 1)) return with_sign_of(1 - 2 / (exponential(Pair<T>{size + size, 0}) + 1), x);
  T bottom = 19;
  for (int odd = 17; odd >= 1; odd -= 2) bottom = static_cast<T>(odd) + x * x / bottom;
  return x / bottom;
}

/** Whether y is an even or odd whole number. */
enum class Parity { kNone, kEven, kOdd };

template <class T>
Parity parity_of(T y) {
  using F = Format<T>;
  const T size = magnitude(y);
  if (!(size < 2 * F::kWhole)) return size < kInfinite<T> || size == kInfinite<T> ? Parity::kEven : Parity::kNone;
  const auto whole = static_cast<typename F::Whole>(size);
  if (static_cast<T>(whole) != size) return Parity::kNone;
  return whole % 2 == 0 ? Parity::kEven : Parity::kOdd;
}

template <class T>
T power(T x, T y) {
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return kNoNumber<T>;
  const T size = magnitude(x);
  const Parity parity = parity_of(y);
  const bool is_flipped = word_of(x) >> (8 * sizeof(T) - 1) != 0 && parity == Parity::kOdd;
  const auto flipped = [&](T value) { return is_flipped ? -value : value; };
  if (size == 0 || size == kInfinite<T>) return flipped((size == 0) == (y < 0) ? kInfinite<T> : T{0});
  if (magnitude(y) == kInfinite<T>) return size == 1 ? T{1} : (size > 1) == (y > 0) ? kInfinite<T> : T{0};
  if (x < 0 && parity == Parity::kNone) return kNoNumber<T>;
  const Pair<T> log = logarithm_pair(size);
  const T rough = y * log.hi;
  if (rough > Format<T>::kExpTo || rough < Format<T>::kExpFrom) return flipped(rough > 0 ? kInfinite<T> : T{0});
  return flipped(exponential(product_of(Pair<T>{y, 0}, log)));
}

}  // namespace cortado
