// The innermost loop of convolution and matrix product on cores without vectors: 4 output channels × kPixels sums that
// stay in registers, out of the 32 of a Cortex-M FPU.
//   sum[m][p] = Σ x[p] · w[m], over outer × middle × inner taps (convolution: channels, kernel rows, kernel columns)
// Four neighbouring floats come with one instruction (vldm); elsewhere the compiler loads them as it likes.
#pragma once

#include "cortado/epilogue.h"

namespace cortado {

inline constexpr int kScalarChannels = 4; /**< Output channels of a tile. */

struct ScalarLoops {
  int outer;
  int middle;
  int inner;
  int x_outer_stride;
  int x_middle_stride;
  int x_inner_stride;
  int w_outer_skip; /**< Floats of the weights that are not used after each outer step: windows cut by the border. */
  int w_middle_skip;
  int y_channel;      /**< Floats between channels of y. */
  int x_pixel_stride; /**< Between the pixels of a tile, where that is not known at compile time. */
  int y_pixel_stride;
};

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M' && defined(__ARM_FP) && __ARM_FP & 4
#define CORTADO_VLDM 1
#else
#define CORTADO_VLDM 0
#endif

/** values = at[0, 4); returns what follows them. Uses s24 to s27. */
CORTADO_INLINE const float* load_four(const float* at, float (&values)[4]) {
#if CORTADO_VLDM
  register float a __asm__("s24");
  register float b __asm__("s25");
  register float c __asm__("s26");
  register float d __asm__("s27");
  __asm__("vldmia %0!, {s24-s27}" : "+r"(at), "=t"(a), "=t"(b), "=t"(c), "=t"(d) : "m"(*reinterpret_cast<const float(*)[4]>(at)));
#else
  const float a = at[0], b = at[1], c = at[2], d = at[3];
  at += 4;
#endif
  values[0] = a;
  values[1] = b;
  values[2] = c;
  values[3] = d;
  return at;
}

/** The same for the other operand, in s28 to s31. */
CORTADO_INLINE void load_four_more(const float* at, float (&values)[4]) {
#if CORTADO_VLDM
  register float a __asm__("s28");
  register float b __asm__("s29");
  register float c __asm__("s30");
  register float d __asm__("s31");
  __asm__("vldmia %4, {s28-s31}" : "=t"(a), "=t"(b), "=t"(c), "=t"(d) : "r"(at), "m"(*reinterpret_cast<const float(*)[4]>(at)));
#else
  const float a = at[0], b = at[1], c = at[2], d = at[3];
#endif
  values[0] = a;
  values[1] = b;
  values[2] = c;
  values[3] = d;
}

/** One tap; returns the next tap's weights. */
template <int kPixels, int kPixelStride>
CORTADO_INLINE const float* multiply_tap(const float* x, int x_pixel_stride, const float* w, float (&sums)[kScalarChannels][kPixels]) {
  float pixels[kPixels], weights[kScalarChannels];
  if constexpr (kPixels == 4 && kPixelStride == 1) {
    load_four_more(x, pixels);
  } else {
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) { pixels[p] = x[p * (kPixelStride > 0 ? kPixelStride : x_pixel_stride)]; });
  }
  w = load_four(w, weights);
  static_for<0, kScalarChannels>([&](auto m) __attribute__((always_inline)) {
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) { sums[m][p] = fma(pixels[p], weights[m], sums[m][p]); });
  });
  return w;
}

/** The sums of one tile. Weights: [outer][middle][inner][4]. */
template <int kPixels, int kPixelStride>
CORTADO_INLINE void sum_tile(const ScalarLoops& loops, const float* x, const float* w, float (&sums)[kScalarChannels][kPixels]) {
  static_for<0, kScalarChannels>([&](auto m) __attribute__((always_inline)) {
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) { sums[m][p] = 0.0f; });
  });
  for (int outer = loops.outer; outer > 0; --outer, x += loops.x_outer_stride, w += loops.w_outer_skip) {
    const float* x_middle = x;
    for (int middle = loops.middle; middle > 0; --middle, x_middle += loops.x_middle_stride, w += loops.w_middle_skip) {
      const float* at = x_middle;
      int inner = loops.inner;
      for (; inner >= 2; inner -= 2) {
        w = multiply_tap<kPixels, kPixelStride>(at, loops.x_pixel_stride, w, sums);
        at += loops.x_inner_stride;
        w = multiply_tap<kPixels, kPixelStride>(at, loops.x_pixel_stride, w, sums);
        at += loops.x_inner_stride;
      }
      if (inner > 0) w = multiply_tap<kPixels, kPixelStride>(at, loops.x_pixel_stride, w, sums);
    }
  }
}

/** Where a tile's results go: `channels` of the four exist. */
struct ScalarPlace {
  int channels;
  int channel;
  int offset;
};

/**
 * `tiles` tiles beside each other: sums, epilogue, store. kPixelStride: floats between the pixels of a tile in x, whose
 * results are neighbours in y; 0: both strides are run-time numbers.
 */
template <int kPixels, int kPixelStride, class Ep>
CORTADO_NOINLINE void scalar_tiles(const ScalarLoops& loops, const float* x, const float* w, float* y, const Ep& ep, ScalarPlace place, int tiles) {
  const int y_pixel = kPixelStride > 0 ? 1 : loops.y_pixel_stride;
  for (; tiles > 0; --tiles) {
    float sums[kScalarChannels][kPixels];
    sum_tile<kPixels, kPixelStride>(loops, x, w, sums);
    float* to = y;
    int offset = place.offset;
    static_for<0, kScalarChannels>([&](auto m) __attribute__((always_inline)) {
      if (m >= place.channels) return;
      // All before the first store, which might change what the epilogue reads.
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
        sums[m][p] = finish<float, PixelLanes>(ep, sums[m][p], place.channel + m, offset + p * y_pixel);
      });
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) { to[p * y_pixel] = sums[m][p]; });
      to += loops.y_channel;
      offset += loops.y_channel;
    });
    x += kPixels * (kPixelStride > 0 ? kPixelStride : loops.x_pixel_stride);
    y += kPixels * y_pixel;
    place.offset += kPixels * y_pixel;
  }
}

}  // namespace cortado
