// Vectors of floats and ints, on the GCC/clang vector extensions: no intrinsics, so the same text compiles for SSE2, AVX2,
// AVX-512 and NEON. Few functions name instructions, with portable fallbacks.
// Vec<float, kFloatLanes> is a register of the target. Loads and stores need no alignment beyond the element's.
// fma(a, b, c) is one instruction where the target has it and the compiler may contract (GCC's default; clang within one
// expression): never build with -ffp-contract=off. Nothing here needs or wants -ffast-math.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "cortado/part.h"

#if !defined(CORTADO_VECTOR_BYTES)
#if defined(__AVX512F__)
#define CORTADO_VECTOR_BYTES 64
#elif defined(__AVX__)
#define CORTADO_VECTOR_BYTES 32
#elif defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M' && !(defined(__ARM_FEATURE_MVE) && __ARM_FEATURE_MVE & 2)
#define CORTADO_VECTOR_BYTES 4
#elif defined(__riscv)
#define CORTADO_VECTOR_BYTES 4
#else
#define CORTADO_VECTOR_BYTES 16
#endif
#endif

#if defined(__ARM_FEATURE_MVE) && __ARM_FEATURE_MVE & 2
#define CORTADO_MVE 1
#include "cortado/simd_mve.h"
#else
#define CORTADO_MVE 0
#endif

namespace cortado {

/** Floats in one vector register of the target: 16, 8 or 4; 1 on cores without vectors. */
inline constexpr int kFloatLanes = CORTADO_VECTOR_BYTES / 4;

/** Two registers of `H`, see simd_pair.h. */
template <class H>
struct VectorPair;

template <class T, int W, bool kIsPair = sizeof(T) == 4 && W == 2 * kFloatLanes && (kFloatLanes > 1)>
struct VecOf {
  typedef T Type __attribute__((vector_size(sizeof(T) * static_cast<std::size_t>(W))));
};

/** Cores without vectors: kernels for vectors of one float are kernels for floats. */
template <class T>
struct VecOf<T, 1, false> {
  using Type = T;
};

template <class T, int W>
struct VecOf<T, W, true> {
  using Type = VectorPair<typename VecOf<T, W / 2>::Type>;
};

template <class T, int W>
using Vec = typename VecOf<T, W>::Type;

/** True for plain numbers, false for vectors; every function below exists for both (scalar.h has the numbers'). */
template <class V>
inline constexpr bool kIsScalar = std::is_arithmetic_v<V>;

template <class V>
using IfVector = std::enable_if_t<!kIsScalar<V>, int>;

template <class V>
inline constexpr bool kIsPair = false;
template <class H>
inline constexpr bool kIsPair<VectorPair<H>> = true;

template <class V>
using IfPair = std::enable_if_t<kIsPair<V>, int>;

/** Vectors of the compiler's. */
template <class V>
using IfRegister = std::enable_if_t<!kIsScalar<V> && !kIsPair<V>, int>;

template <class V, bool = kIsScalar<V>>
struct LaneOfVector {
  using Type = V;
};
template <class V>
struct LaneOfVector<V, false> {
  using Type = std::remove_reference_t<decltype(std::declval<V&>()[0])>;
};
template <class H>
struct LaneOfVector<VectorPair<H>, false> : LaneOfVector<H> {};

/** Element type of a vector; a number is its own. */
template <class V>
using LaneOf = typename LaneOfVector<V>::Type;

/** One lane of a vector; the number itself. */
template <class V>
CORTADO_INLINE LaneOf<V> lane_of(const V& value, [[maybe_unused]] int lane) {
  if constexpr (kIsScalar<V>) return value;
  else return value[lane];
}

template <class V>
inline constexpr int kLanesOf = static_cast<int>(sizeof(V) / sizeof(LaneOf<V>));

/** Vectors for which simd_mve.h has functions. */
template <class V>
inline constexpr bool kIsMve = CORTADO_MVE && !kIsScalar<V> && sizeof(V) == 16 && std::is_same_v<LaneOf<V>, float>;

/** Same number of lanes, other element type (of any size). */
template <class V, class T>
using Rebind = Vec<T, kLanesOf<V>>;

template <class V, IfRegister<V> = 0>
CORTADO_INLINE V load(const LaneOf<V>* source) {
  V value;
  __builtin_memcpy(&value, source, sizeof(V));
  return value;
}

/** Loads a vector and moves the pointer behind it: one instruction on 32-bit ARM, whose vector loads know no offsets. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V load_next(const LaneOf<V>*& source) {
#if defined(__arm__) && defined(__ARM_NEON)
  if constexpr (sizeof(V) == 16) {
    V value;
    __asm__("vld1.32 {%e0-%f0}, [%1]!" : "=w"(value), "+r"(source) : "m"(*reinterpret_cast<const LaneOf<V>(*)[4]>(source)));
    return value;
  }
#endif
  const V value = load<V>(source);
  source += kLanesOf<V>;
  return value;
}

template <class V>
CORTADO_INLINE std::enable_if_t<!kIsScalar<V> && !kIsPair<V>> store(LaneOf<V>* target, V value) {
  __builtin_memcpy(target, &value, sizeof(V));
}

/** Makes the compiler hold the value in a register from here on, rather than read it again from memory at each use. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE void hold_in_register(V& value) {
  if constexpr (sizeof(V) <= CORTADO_VECTOR_BYTES) {
#if defined(__AVX512F__)
    __asm__("" : "+v"(value));
#elif defined(__SSE2__)
    __asm__("" : "+x"(value));
#elif defined(__aarch64__) || defined(__ARM_NEON)
    __asm__("" : "+w"(value));
#else
    (void)value;
#endif
  }
}

/** All lanes = value. Written as a difference because that keeps −0. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V splat(LaneOf<V> value) {
  return value - V{};
}

/** Lanes as bits of another type of the same total size. */
template <class To, class From>
CORTADO_INLINE To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}

template <class V, IfRegister<V> = 0>
CORTADO_INLINE V fma(V a, V b, V c) {
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return mve_fma(a, b, c);
#endif
  return a * b + c;
}

/** True where multiplying a vector by one lane of another is one instruction. */
template <class V>
#if defined(__aarch64__) || defined(__ARM_NEON)
inline constexpr bool kLaneMultiply = sizeof(V) == 16;
#else
inline constexpr bool kLaneMultiply = false;
#endif

/**
 * a · b[kLane] + c. Written as the instruction: the compilers broadcast the lane first or move sums between registers when
 * there are many.
 */
template <int kLane, class V, IfVector<V> = 0>
CORTADO_INLINE V fma_lane(V a, V b, V c) {
#if defined(__aarch64__)
  __asm__("fmla %0.4s, %1.4s, %2.s[%3]" : "+w"(c) : "w"(a), "w"(b), "i"(kLane));
  return c;
#elif defined(__ARM_NEON)
  if constexpr (kLane < 2) __asm__("vmla.f32 %q0, %q1, %e2[%c3]" : "+w"(c) : "w"(a), "t"(b), "i"(kLane));
  else __asm__("vmla.f32 %q0, %q1, %f2[%c3]" : "+w"(c) : "w"(a), "t"(b), "i"(kLane - 2));
  return c;
#else
  return a * b[kLane] + c;
#endif
}

/** The same with one number for all lanes: an instruction of its own where kFmaTakesNumbers. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE V fma_number(LaneOf<V> a, V b, V c) {
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return mve_fma(a, b, c);
#endif
  return fma(splat<V>(a), b, c);
}

template <class V>
inline constexpr bool kFmaTakesNumbers = kIsMve<V>;

/** b if a < b, else a, like std::max: max(x, 0) keeps a NaN in x (Caffe2's Relu does too); max(0, x) would drop it. */
template <class V, IfRegister<V> = 0>
CORTADO_INLINE V max(V a, V b) {
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return mve_max(a, b);
#endif
  return a < b ? b : a;
}

/** b if b < a, else a, like std::min. */
template <class V, IfRegister<V> = 0>
CORTADO_INLINE V min(V a, V b) {
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return mve_select(mve_lt(b, a), b, a);
#endif
  return b < a ? b : a;
}

/** max(a, b) for an a that is no NaN, so that one in b is skipped: one instruction on aarch64 (where a signalling NaN is not). */
template <class V, IfRegister<V> = 0>
CORTADO_INLINE V max_number(V a, V b) {
#if defined(__aarch64__)
  if constexpr (sizeof(V) == 16 && std::is_same_v<LaneOf<V>, float>) {
    __asm__("fmaxnm %0.4s, %0.4s, %1.4s" : "+w"(a) : "w"(b));
    return a;
  }
#endif
  return max(a, b);
}

/** max(x, least) for a least that is no NaN, so that one in x stays: one instruction on aarch64. */
template <class V, IfRegister<V> = 0>
CORTADO_INLINE V at_least(V x, V least) {
#if defined(__aarch64__)
  if constexpr (sizeof(V) == 16 && std::is_same_v<LaneOf<V>, float>) {
    __asm__("fmax %0.4s, %0.4s, %1.4s" : "+w"(x) : "w"(least));
    return x;
  }
#endif
  return max(x, least);
}

/** min(x, most) for a most that is no NaN. */
template <class V, IfRegister<V> = 0>
CORTADO_INLINE V at_most(V x, V most) {
#if defined(__aarch64__)
  if constexpr (sizeof(V) == 16 && std::is_same_v<LaneOf<V>, float>) {
    __asm__("fmin %0.4s, %0.4s, %1.4s" : "+w"(x) : "w"(most));
    return x;
  }
#endif
  return min(x, most);
}

/** Vectors whose comparisons take denormals for zeros: NEON's floats on 32-bit ARM. They are compared as whole numbers. */
#if defined(__arm__) && defined(__ARM_NEON)
template <class V>
inline constexpr bool kComparesBits = !kIsScalar<V> && std::is_same_v<LaneOf<V>, float>;
#else
template <class V>
inline constexpr bool kComparesBits = false;
#endif

/** Whole numbers ordered like the floats; both zeros give 0. */
template <class V, IfVector<V> = 0>
CORTADO_INLINE Rebind<V, std::int32_t> order_of(V x) {
  using I = Rebind<V, std::int32_t>;
  const I bits = bits_as<I>(x);
  return bits < I{} ? splat<I>(INT32_MIN) - bits : bits;
}

// Comparisons give lane masks: ints of the same width, −1 where true. NaN compares false, except ne.
template <class V, IfVector<V> = 0>
CORTADO_INLINE auto lt(V a, V b) {
  if constexpr (kComparesBits<V>) return (order_of(a) < order_of(b)) & (a == a) & (b == b);
  else
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return mve_lt(a, b);
  else
#endif
  return a < b;
}
template <class V, IfVector<V> = 0>
CORTADO_INLINE auto le(V a, V b) {
  if constexpr (kComparesBits<V>) return (order_of(a) <= order_of(b)) & (a == a) & (b == b);
  else
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return mve_le(a, b);
  else
#endif
  return a <= b;
}
template <class V, IfVector<V> = 0>
CORTADO_INLINE auto gt(V a, V b) {
  return lt(b, a);
}
template <class V, IfVector<V> = 0>
CORTADO_INLINE auto ge(V a, V b) {
  return le(b, a);
}
template <class V, IfVector<V> = 0>
CORTADO_INLINE auto eq(V a, V b) {
  if constexpr (kComparesBits<V>) return (order_of(a) == order_of(b)) & (a == a);
  else
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return mve_eq(a, b);
  else
#endif
  return a == b;
}
template <class V, IfVector<V> = 0>
CORTADO_INLINE auto ne(V a, V b) {
  if constexpr (kComparesBits<V>) return ~eq(a, b);
  else
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return ~mve_eq(a, b);
  else
#endif
  return a != b;
}

/** Lane by lane: mask ? a : b. Both sides are computed. */
template <class M, class V, IfRegister<V> = 0>
CORTADO_INLINE V select(M mask, V a, V b) {
#if CORTADO_MVE
  if constexpr (kIsMve<V>) return mve_select(mask, a, b);
#endif
  return mask ? a : b;
}

}  // namespace cortado

#include "cortado/simd_math.h"
#include "cortado/simd_pair.h"
