// Comparisons, choices and products of four floats on Armv8.1-M's vector unit (Helium, MVE), in place of simd.h's operators:
// GCC 12 takes comparisons of vectors apart into numbers there, and puts the lane masks together wrongly.
#pragma once

#include <arm_mve.h>

namespace cortado {

typedef float MveFloats __attribute__((vector_size(16)));
typedef std::int32_t MveInts __attribute__((vector_size(16)));

/** GCC 12 fails internally where it reasons about predicates: they pass through something that it cannot look into. */
inline __attribute__((always_inline)) mve_pred16_t hidden(mve_pred16_t lanes) {
  __asm__("" : "+r"(lanes));
  return lanes;
}

/** −1 in the lanes of a predicate, else 0. */
inline __attribute__((always_inline)) MveInts mve_mask(mve_pred16_t lanes) {
  return (MveInts)vpselq_s32(vdupq_n_s32(-1), vdupq_n_s32(0), hidden(lanes));
}

inline __attribute__((always_inline)) mve_pred16_t mve_lanes(MveInts mask) { return hidden(vcmpneq_n_s32((int32x4_t)mask, 0)); }

// Helium's lt and le are the opposites of ge and gt: true where a number is NaN. What C means is gt and ge, turned around.
inline __attribute__((always_inline)) mve_pred16_t mve_less(MveFloats a, MveFloats b) { return hidden(vcmpgtq_f32((float32x4_t)b, (float32x4_t)a)); }
inline __attribute__((always_inline)) MveInts mve_lt(MveFloats a, MveFloats b) { return mve_mask(mve_less(a, b)); }
inline __attribute__((always_inline)) MveInts mve_le(MveFloats a, MveFloats b) { return mve_mask(vcmpgeq_f32((float32x4_t)b, (float32x4_t)a)); }
inline __attribute__((always_inline)) MveInts mve_eq(MveFloats a, MveFloats b) { return mve_mask(vcmpeqq_f32((float32x4_t)a, (float32x4_t)b)); }

inline __attribute__((always_inline)) MveFloats mve_select(MveInts mask, MveFloats a, MveFloats b) {
  return (MveFloats)vpselq_f32((float32x4_t)a, (float32x4_t)b, mve_lanes(mask));
}

/** b where a < b, else a. */
inline __attribute__((always_inline)) MveFloats mve_max(MveFloats a, MveFloats b) {
  return (MveFloats)vpselq_f32((float32x4_t)b, (float32x4_t)a, mve_less(a, b));
}

inline __attribute__((always_inline)) MveFloats mve_fma(MveFloats a, MveFloats b, MveFloats c) {
  return (MveFloats)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}

/** a · b + c with one number a for all lanes. */
inline __attribute__((always_inline)) MveFloats mve_fma(float a, MveFloats b, MveFloats c) {
  return (MveFloats)vfmaq_n_f32((float32x4_t)c, (float32x4_t)b, a);
}

}  // namespace cortado
