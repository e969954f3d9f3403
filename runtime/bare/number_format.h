// Bits of float and double, and the constants that the functions of elementary.h take for each.
#pragma once

#include <cstdint>

namespace cortado {

/** The layout of a type and how far its series go. */
template <class T>
struct Format;

template <>
struct Format<float> {
  using Word = std::uint32_t;
  using Whole = std::int32_t;
  static constexpr int kFractionBits = 23, kBias = 127;
  static constexpr int kWindowWords = 3;  // of 2/pi: 24 bits of x, 30 that may cancel, and 42
  static constexpr int kExpTerms = 8, kLogTerms = 6, kSinTerms = 4, kCosTerms = 5;
  static constexpr float kHalfPi = 1.5707963705062866f, kHalfPiRest = -4.371138828673793e-08f;
  static constexpr float kLn2 = 0.693145751953125f, kLn2Rest = 1.428606765330187e-06f;
  static constexpr float kLog2E = 1.4426950216293335f, kLog2ERest = 1.925963033500011e-08f;
  static constexpr float kThirdRest = -9.934107758624577e-09f;
  static constexpr float kExpFrom = -104.0f, kExpTo = 89.0f;
  static constexpr float kWhole = 8388608.0f;  // 2^kFractionBits: from here on every float is whole
};

template <>
struct Format<double> {
  using Word = std::uint64_t;
  using Whole = std::int64_t;
  static constexpr int kFractionBits = 52, kBias = 1023;
  static constexpr int kWindowWords = 6;
  static constexpr int kExpTerms = 14, kLogTerms = 11, kSinTerms = 8, kCosTerms = 9;
  static constexpr double kHalfPi = 1.5707963267948966, kHalfPiRest = 6.123233995736766e-17;
  static constexpr double kLn2 = 0.6931471805598903, kLn2Rest = 5.497923018708371e-14;  // 42 bits and the rest
  static constexpr double kLog2E = 1.4426950408889634, kLog2ERest = 2.0355273740931033e-17;
  static constexpr double kThirdRest = 1.850371707708594e-17;
  static constexpr double kExpFrom = -746.0, kExpTo = 710.0;
  static constexpr double kWhole = 4503599627370496.0;
};

template <class T>
typename Format<T>::Word word_of(T x) {
  typename Format<T>::Word word;
  __builtin_memcpy(&word, &x, sizeof word);
  return word;
}

template <class T>
T number_of(typename Format<T>::Word word) {
  T x;
  __builtin_memcpy(&x, &word, sizeof x);
  return x;
}

template <class T>
inline constexpr T kInfinite = static_cast<T>(__builtin_inf());

template <class T>
inline constexpr T kNoNumber = static_cast<T>(__builtin_nan(""));

template <class T>
T magnitude(T x) {
  constexpr auto sign = typename Format<T>::Word{1} << (8 * sizeof(T) - 1);
  return number_of<T>(word_of(x) & ~sign);
}

template <class T>
T with_sign_of(T size, T x) {
  constexpr auto sign = typename Format<T>::Word{1} << (8 * sizeof(T) - 1);
  return number_of<T>((word_of(size) & ~sign) | (word_of(x) & sign));
}

}  // namespace cortado
