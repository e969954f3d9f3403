// The functions of expression.h lane by lane for packs, so that one printed functor serves a float and a pack of them.
// Included by expression.h.
#pragma once

namespace cortado::cuda {

template <class V>
using IfPack = std::enable_if_t<(LanesOf<V>::kValue > 1), int>;

/** All lanes = value. */
template <class V, IfPack<V> = 0>
CORTADO_DEVICE V splat(float value) {
  V result;
  for (int i = 0; i < LanesOf<V>::kValue; ++i) result.lane[i] = value;
  return result;
}

template <int N, class F>
CORTADO_DEVICE Pack<N> each_lane(const Pack<N>& x, const F& f) {
  Pack<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = f(x.lane[i]);
  return result;
}
template <int N, class F>
CORTADO_DEVICE Pack<N> each_lane(const Pack<N>& x, const Pack<N>& y, const F& f) {
  Pack<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = f(x.lane[i], y.lane[i]);
  return result;
}
template <int N, class F>
CORTADO_DEVICE PackMask<N> compare_lanes(const Pack<N>& x, const Pack<N>& y, const F& f) {
  PackMask<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = f(x.lane[i], y.lane[i]);
  return result;
}

template <int N>
CORTADO_DEVICE Pack<N> operator+(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return a + b; });
}
template <int N>
CORTADO_DEVICE Pack<N> operator-(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return a - b; });
}
template <int N>
CORTADO_DEVICE Pack<N> operator*(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return a * b; });
}
template <int N>
CORTADO_DEVICE Pack<N> operator-(const Pack<N>& x) {
  return each_lane(x, [](float a) { return -a; });
}
template <int N>
CORTADO_DEVICE Pack<N> max(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return max(a, b); });
}
template <int N>
CORTADO_DEVICE Pack<N> min(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return min(a, b); });
}
template <int N>
CORTADO_DEVICE Pack<N> divide(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return divide(a, b); });
}
template <int N>
CORTADO_DEVICE Pack<N> remainder(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return remainder(a, b); });
}
template <int N>
CORTADO_DEVICE Pack<N> pow(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return pow(a, b); });
}
template <int N>
CORTADO_DEVICE Pack<N> copysign(const Pack<N>& x, const Pack<N>& y) {
  return each_lane(x, y, [](float a, float b) { return copysign(a, b); });
}
template <int N>
CORTADO_DEVICE Pack<N> abs(const Pack<N>& x) {
  return each_lane(x, [](float a) { return abs(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> sqrt(const Pack<N>& x) {
  return each_lane(x, [](float a) { return sqrt(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> floor(const Pack<N>& x) {
  return each_lane(x, [](float a) { return floor(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> ceil(const Pack<N>& x) {
  return each_lane(x, [](float a) { return ceil(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> round_half_even(const Pack<N>& x) {
  return each_lane(x, [](float a) { return round_half_even(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> exp(const Pack<N>& x) {
  return each_lane(x, [](float a) { return exp(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> log(const Pack<N>& x) {
  return each_lane(x, [](float a) { return log(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> tanh(const Pack<N>& x) {
  return each_lane(x, [](float a) { return tanh(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> sigmoid(const Pack<N>& x) {
  return each_lane(x, [](float a) { return sigmoid(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> sin(const Pack<N>& x) {
  return each_lane(x, [](float a) { return sin(a); });
}
template <int N>
CORTADO_DEVICE Pack<N> cos(const Pack<N>& x) {
  return each_lane(x, [](float a) { return cos(a); });
}
template <int N>
CORTADO_DEVICE PackMask<N> lt(const Pack<N>& x, const Pack<N>& y) {
  return compare_lanes(x, y, [](float a, float b) { return lt(a, b); });
}
template <int N>
CORTADO_DEVICE PackMask<N> le(const Pack<N>& x, const Pack<N>& y) {
  return compare_lanes(x, y, [](float a, float b) { return le(a, b); });
}
template <int N>
CORTADO_DEVICE PackMask<N> gt(const Pack<N>& x, const Pack<N>& y) {
  return compare_lanes(x, y, [](float a, float b) { return gt(a, b); });
}
template <int N>
CORTADO_DEVICE PackMask<N> ge(const Pack<N>& x, const Pack<N>& y) {
  return compare_lanes(x, y, [](float a, float b) { return ge(a, b); });
}
template <int N>
CORTADO_DEVICE PackMask<N> eq(const Pack<N>& x, const Pack<N>& y) {
  return compare_lanes(x, y, [](float a, float b) { return eq(a, b); });
}
template <int N>
CORTADO_DEVICE PackMask<N> ne(const Pack<N>& x, const Pack<N>& y) {
  return compare_lanes(x, y, [](float a, float b) { return ne(a, b); });
}
template <int N>
CORTADO_DEVICE Pack<N> fma(const Pack<N>& x, const Pack<N>& y, const Pack<N>& z) {
  Pack<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = fma(x.lane[i], y.lane[i], z.lane[i]);
  return result;
}
template <int N>
CORTADO_DEVICE Pack<N> select(const PackMask<N>& mask, const Pack<N>& yes, const Pack<N>& no) {
  Pack<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = mask.lane[i] ? yes.lane[i] : no.lane[i];
  return result;
}
template <int N>
CORTADO_DEVICE PackMask<N> logical_and(const PackMask<N>& x, const PackMask<N>& y) {
  PackMask<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = x.lane[i] && y.lane[i];
  return result;
}
template <int N>
CORTADO_DEVICE PackMask<N> logical_or(const PackMask<N>& x, const PackMask<N>& y) {
  PackMask<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = x.lane[i] || y.lane[i];
  return result;
}
template <int N>
CORTADO_DEVICE PackMask<N> logical_xor(const PackMask<N>& x, const PackMask<N>& y) {
  PackMask<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = x.lane[i] != y.lane[i];
  return result;
}
template <int N>
CORTADO_DEVICE PackMask<N> logical_not(const PackMask<N>& x) {
  PackMask<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = !x.lane[i];
  return result;
}

/** float to bool: what is not zero; a mask to float: 1 and 0; float to float: itself. */
template <class T, int N>
CORTADO_DEVICE auto cast(const Pack<N>& x) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, bool>, "packs know float and bool");
  if constexpr (std::is_same_v<T, bool>) {
    return compare_lanes(x, x, [](float a, float) { return a != 0.0f; });
  } else {
    return x;
  }
}
template <class T, int N>
CORTADO_DEVICE Pack<N> cast(const PackMask<N>& x) {
  static_assert(std::is_same_v<T, float>, "a mask becomes floats");
  Pack<N> result;
  for (int i = 0; i < N; ++i) result.lane[i] = x.lane[i] ? 1.0f : 0.0f;
  return result;
}

}  // namespace cortado::cuda
