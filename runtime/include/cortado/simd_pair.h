// A vector of two registers: what 8 floats are on NEON, where a register holds 8 halves. The compilers' own vectors of that size
// are no help: GCC 12 keeps them in memory and compares them lane by lane. Included by simd.h; all its functions take pairs.
#pragma once

namespace cortado {

template <class H>
struct VectorPair {
  H low;
  H high;
  CORTADO_INLINE LaneOf<H> operator[](int lane) const { return reinterpret_cast<const LaneOf<H>*>(this)[lane]; }
  CORTADO_INLINE LaneOf<H>& operator[](int lane) { return reinterpret_cast<LaneOf<H>*>(this)[lane]; }
};

template <class H>
CORTADO_INLINE VectorPair<H> pair_of(H low, H high) {
  return VectorPair<H>{low, high};
}

#define CORTADO_PAIR_OPERATOR(op)                                                                            \
  template <class H>                                                                                         \
  CORTADO_INLINE auto operator op(const VectorPair<H>& a, const VectorPair<H>& b) {                          \
    return pair_of(a.low op b.low, a.high op b.high);                                                        \
  }                                                                                                          \
  template <class H>                                                                                         \
  CORTADO_INLINE auto operator op(const VectorPair<H>& a, LaneOf<H> b) {                                     \
    return pair_of(a.low op b, a.high op b);                                                                 \
  }                                                                                                          \
  template <class H>                                                                                         \
  CORTADO_INLINE auto operator op(LaneOf<H> a, const VectorPair<H>& b) {                                     \
    return pair_of(a op b.low, a op b.high);                                                                 \
  }
CORTADO_PAIR_OPERATOR(+)
CORTADO_PAIR_OPERATOR(-)
CORTADO_PAIR_OPERATOR(*)
CORTADO_PAIR_OPERATOR(/)
CORTADO_PAIR_OPERATOR(&)
CORTADO_PAIR_OPERATOR(|)
CORTADO_PAIR_OPERATOR(^)
CORTADO_PAIR_OPERATOR(<)
CORTADO_PAIR_OPERATOR(<=)
CORTADO_PAIR_OPERATOR(==)
CORTADO_PAIR_OPERATOR(!=)
#undef CORTADO_PAIR_OPERATOR

template <class H>
CORTADO_INLINE auto operator<<(const VectorPair<H>& a, int bits) {
  return pair_of(a.low << bits, a.high << bits);
}
template <class H>
CORTADO_INLINE auto operator>>(const VectorPair<H>& a, int bits) {
  return pair_of(a.low >> bits, a.high >> bits);
}
template <class H>
CORTADO_INLINE VectorPair<H> operator-(const VectorPair<H>& a) {
  return {-a.low, -a.high};
}
template <class H>
CORTADO_INLINE VectorPair<H> operator~(const VectorPair<H>& a) {
  return {~a.low, ~a.high};
}

template <class V, IfPair<V> = 0>
CORTADO_INLINE V load(const LaneOf<V>* source) {
  using H = decltype(V::low);
  return {load<H>(source), load<H>(source + kLanesOf<H>)};
}
template <class H>
CORTADO_INLINE void store(LaneOf<H>* target, const VectorPair<H>& value) {
  store(target, value.low);
  store(target + kLanesOf<H>, value.high);
}
template <class To, class H>
CORTADO_INLINE To bits_as(const VectorPair<H>& from) {
  using Part = decltype(To::low);
  return {bits_as<Part>(from.low), bits_as<Part>(from.high)};
}
template <class V, IfPair<V> = 0>
CORTADO_INLINE V fma(V a, V b, V c) {
  return {fma(a.low, b.low, c.low), fma(a.high, b.high, c.high)};
}
template <class V, IfPair<V> = 0>
CORTADO_INLINE V max(V a, V b) {
  return {max(a.low, b.low), max(a.high, b.high)};
}
template <class V, IfPair<V> = 0>
CORTADO_INLINE V min(V a, V b) {
  return {min(a.low, b.low), min(a.high, b.high)};
}
template <class V, IfPair<V> = 0>
CORTADO_INLINE V max_number(V a, V b) {
  return {max_number(a.low, b.low), max_number(a.high, b.high)};
}
template <class V, IfPair<V> = 0>
CORTADO_INLINE V at_least(V x, V least) {
  return {at_least(x.low, least.low), at_least(x.high, least.high)};
}
template <class V, IfPair<V> = 0>
CORTADO_INLINE V at_most(V x, V most) {
  return {at_most(x.low, most.low), at_most(x.high, most.high)};
}
template <class M, class V, IfPair<V> = 0>
CORTADO_INLINE V select(const M& mask, V a, V b) {
  return {select(mask.low, a.low, b.low), select(mask.high, a.high, b.high)};
}
template <class T, class V, IfPair<V> = 0>
CORTADO_INLINE auto convert(V x) {
  return pair_of(convert<T>(x.low), convert<T>(x.high));
}
template <class V, IfPair<V> = 0>
CORTADO_INLINE V sqrt(V x) {
  return {sqrt(x.low), sqrt(x.high)};
}

}  // namespace cortado
