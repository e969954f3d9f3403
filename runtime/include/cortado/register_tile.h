// The innermost loop of convolution and matrix product: kPixels × kVectors accumulators that stay in registers.
//   y[p][v] (+)= Σ x[p][k] · w[k][v],  k running over outer × middle × inner × lanes (conv: blocks, kh, kw, channel lanes).
// x is read one element (or two bf16) at a time and broadcast, or a vector at a time where the target multiplies by its lanes, at offsets
// known at compile time; w is read front to back, once. Sums of halves (products.h) are added to sums of floats now and then.
// Shapes share instances: everything that is not needed as an immediate operand is an argument. Never inlined or cloned.
#pragma once

#include "cortado/products.h"

namespace cortado {

struct TileLoops {
  std::int64_t x_outer_stride;
  std::int64_t x_middle_stride;
  std::int64_t x_inner_stride;
  std::int64_t y_vector_stride;
  std::int64_t y_pixel_stride;
  int outer;
  int middle;
  int inner;
  int lanes;
  int last_lanes;  /**< Lanes of the last of the outer steps. */
  bool accumulate; /**< Start from y rather than from TileFinish.start. */
  std::int64_t w_ahead; /**< Elements from the weights in use to those to prefetch: the next chunk's. */
};

/** What is done to the sums before they leave the registers: + bias, + residual, slope, clamp. */
struct TileFinish {
  const float* start; /**< What the sums begin with, one float per output channel of the tile; null = 0. */
  const float* bias;  /**< Likewise, added to the finished sums. */
  const float* slope; /**< Likewise: the factor of negative sums; null = 1. */
  bool has_residual; /**< The residual is strided as y. */
  bool has_floor;
  bool has_ceiling;
  float floor;
  float ceiling;
};

/** x and w of elements E, y and residual of elements Out. */
template <class E, class Out = E>
using TileFunctionOf = void (*)(const TileLoops& loops, const TileFinish& finish, const E* x, const E* w, Out* y, const Out* residual);
using TileFunction = TileFunctionOf<float>;

/** Sums + bias + residual, then negative ones times slope, then max with floor, then min with ceiling; the branches are the same for a whole tile. */
template <class F, int kPixels, int kVectors, class Out>
CORTADO_INLINE void finish_tile(const TileLoops& loops, const TileFinish& finish, const Out* residual, F (&acc)[kPixels][kVectors]) {
  if (finish.bias != nullptr) {
    static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
      const F bias = load<F>(finish.bias + v * kLanesOf<F>);
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) { acc[p][v] = acc[p][v] + bias; });
    });
  }
  if (finish.has_residual) {
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
      static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
        acc[p][v] = acc[p][v] + load<F>(residual + v * loops.y_vector_stride + p * loops.y_pixel_stride);
      });
    });
  }
  if (finish.slope != nullptr) {
    static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
      const F slope = load<F>(finish.slope + v * kLanesOf<F>);
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
        acc[p][v] = select(lt(acc[p][v], F{}), acc[p][v] * slope, acc[p][v]);
      });
    });
  }
  if (finish.has_floor) {
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
      static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) { acc[p][v] = at_least(acc[p][v], splat<F>(finish.floor)); });
    });
  }
  if (finish.has_ceiling) {
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
      static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) { acc[p][v] = at_most(acc[p][v], splat<F>(finish.ceiling)); });
    });
  }
}

/** Where pixel p of a tile begins in x: rows of kRowPixels pixels; 0 = all pixels in one row. */
template <int kPixelStride, int kRowPixels, int kRowStride>
constexpr std::int64_t tile_pixel_offset(int p) {
  if constexpr (kRowPixels == 0) {
    return std::int64_t{p} * kPixelStride;
  } else {
    return std::int64_t{p / kRowPixels} * kRowStride + std::int64_t{p % kRowPixels} * kPixelStride;
  }
}

/** Brings kCount elements, `ahead` elements past `at`, into the L2 cache, or L1 if kLocality is 3. The address may lie past the end: nothing is read. */
template <int kCount, int kLocality = 2, class E>
CORTADO_INLINE void prefetch_ahead(const E* at, std::int64_t ahead) {
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
  (void)at, (void)ahead;  // no cache that knows of hints
#else
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(at) + static_cast<std::uintptr_t>(ahead) * sizeof(E);
  static_for<0, (kCount * static_cast<int>(sizeof(E)) + 63) / 64>([&](auto line) __attribute__((always_inline)) {
    __builtin_prefetch(reinterpret_cast<const void*>(address + line * 64u), 0, kLocality);
  });
#endif
}

/** One step: a broadcast of each pixel's element (pair) times kVectors vectors of weights. kIsLast: of a pair only the first counts. */
template <class F, int kPixelStride, int kRowPixels, int kRowStride, bool kIsLast = false, class E, int kPixels, int kVectors>
CORTADO_INLINE void multiply_lane(const E* x, const E* w, typename Products<E, F>::Sum (&acc)[kPixels][kVectors]) {
  using P = Products<E, F>;
  typename P::Factor filter[kVectors];
  static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) { filter[v] = P::weights(w + v * (kLanesOf<F> * kProductLanes<E>)); });
  static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
    const E* from = x + tile_pixel_offset<kPixelStride, kRowPixels, kRowStride>(p);
    typename P::Pixel pixel;
    if constexpr (kIsLast) {
      pixel = P::broadcast_last(from);
    } else {
      pixel = P::broadcast(from);
    }
    static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) { acc[p][v] = P::add(acc[p][v], pixel, filter[v]); });
  });
}

/** Floats from the first to the last that kSteps neighbouring steps of a tile in one row read. */
template <int kPixelStride, int kPixels, int kSteps>
inline constexpr int kRowSpan = (kPixels - 1) * kPixelStride + kSteps;

/** Vectors that hold a row's floats in registers beside the sums; as many are free. */
inline constexpr int kMostRowVectors = 8;

/** True if kSteps neighbouring steps are best done by multiply_row. */
template <class E, class F, int kPixelStride, int kRowPixels, int kPixels, int kSteps>
inline constexpr bool kMultipliesRows = Products<E, F>::kByLane && kRowPixels == 0 && kRowSpan<kPixelStride, kPixels, kSteps> >= kLanesOf<F> &&
                                        kRowSpan<kPixelStride, kPixels, kSteps> <= kMostRowVectors * kLanesOf<F>;

/**
 * kSteps steps whose floats are neighbours (columns of a filter, or one step of a packed matrix), where the target multiplies
 * by a lane of a vector: the whole row is loaded once. The last vector ends with the last float: nothing past it is read.
 */
template <class F, int kPixelStride, int kSteps, class E, int kPixels, int kVectors>
CORTADO_INLINE void multiply_row(const E* x, const E* w, typename Products<E, F>::Sum (&acc)[kPixels][kVectors]) {
  using P = Products<E, F>;
  constexpr int B = kLanesOf<F>, span = kRowSpan<kPixelStride, kPixels, kSteps>, loads = (span + B - 1) / B;
  typename P::Sum row[loads];
  static_for<0, loads>([&](auto i) __attribute__((always_inline)) { row[i] = P::row(x + (i + 1 < loads ? i * B : span - B)); });
  static_for<0, kSteps>([&](auto step) __attribute__((always_inline)) {
    static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
      const auto filter = P::next_weights(w);
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
        constexpr int at = p * kPixelStride + step, vector = at / B;
        constexpr int lane = vector + 1 < loads ? at % B : at - (span - B);
        acc[p][v] = P::template add_lane<lane>(acc[p][v], row[vector], filter);
      });
    });
    // Weights that are read early would drive the sums out of the registers.
    __asm__ volatile("" : : : "memory");
  });
}

/** Whether whole blocks of B steps are unrolled: where multiplying by a lane or a number takes no instruction of its own. */
template <class E, class F>
inline constexpr bool kMultipliesBlocks = Products<E, F>::kByLane || (kIsMve<F> && std::is_same_v<E, float>);

/**
 * B steps at once. Where the target multiplies by a lane of a vector each pixel's B elements are one load; Helium multiplies by
 * numbers of the core's own registers. Weights are read step by step, w: [lane][kVectors][B].
 */
template <class F, int kPixelStride, int kRowPixels, int kRowStride, class E, int kPixels, int kVectors>
CORTADO_INLINE void multiply_block(const E* x, const E* w, typename Products<E, F>::Sum (&acc)[kPixels][kVectors]) {
  using P = Products<E, F>;
  if constexpr (P::kByLane) {
    typename P::Sum pixel[kPixels];
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
      pixel[p] = P::row(x + tile_pixel_offset<kPixelStride, kRowPixels, kRowStride>(p));
    });
    static_for<0, kLanesOf<F>>([&](auto lane) __attribute__((always_inline)) {
      static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
        const auto filter = P::next_weights(w);
        static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
          acc[p][v] = P::template add_lane<lane>(acc[p][v], pixel[p], filter);
        });
      });
    });
  } else {
    static_for<0, kLanesOf<F>>([&](auto lane) __attribute__((always_inline)) {
      multiply_lane<F, kPixelStride, kRowPixels, kRowStride>(x + lane, w + lane * (kVectors * kLanesOf<F>), acc);
    });
  }
}

/** The sums of a tile: those of the last products in registers and, where these are halves, the others as floats in memory. */
template <class E, class F, int kPixels, int kVectors>
struct TileSums {
  using P = Products<E, F>;
  typename P::Sum (&acc)[kPixels][kVectors];
  float* earlier; /**< [kVectors][kPixels][B]; null: sums are floats and stay in registers. */
  bool has_earlier;
  int steps_per_visit;
  int steps_left;

  /** A step follows: makes room for its products. */
  CORTADO_INLINE void begin_step() {
    if constexpr (P::kMostProducts > 0) {
      if (steps_left == 0) move_to_memory();
      --steps_left;
    }
  }

  CORTADO_INLINE void move_to_memory() {
    static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
        float* sum = earlier + (v * kPixels + p) * kLanesOf<F>;
        store(sum, has_earlier ? load<F>(sum) + P::widen(acc[p][v]) : P::widen(acc[p][v]));
        acc[p][v] = typename P::Sum{};
      });
    });
    has_earlier = true;
    steps_left = steps_per_visit;
  }
};
/** The steps of whole blocks of B lanes, by multiply_block; returns the weights behind those used. */
template <class F, int kPixelStride, int kRowPixels, int kRowStride, class E, int kPixels, int kVectors>
CORTADO_INLINE const E* multiply_blocks(const TileLoops& loops, int outers, const E* x, const E* w, TileSums<E, F, kPixels, kVectors>& sums) {
  constexpr int kBlockWeights = kLanesOf<F> * kVectors * kLanesOf<F>;
  // 1×1: the outer loop is the only one.
  const bool is_flat = loops.middle == 1 && loops.inner == 1;
  const int middles = is_flat ? 1 : loops.middle, inners = is_flat ? outers : loops.inner;
  const std::int64_t inner_stride = is_flat ? loops.x_outer_stride : loops.x_inner_stride, w_ahead = loops.w_ahead;
  for (int outer = is_flat && outers > 0 ? 1 : outers; outer > 0; --outer, x += loops.x_outer_stride) {
    const E* x_middle = x;
    for (int middle = middles; middle > 0; --middle, x_middle += loops.x_middle_stride) {
      const E* x_inner = x_middle;
      for (int inner = inners; inner > 0; --inner, x_inner += inner_stride, w += kBlockWeights) {
        prefetch_ahead<kBlockWeights>(w, w_ahead);
        sums.begin_step();
        multiply_block<F, kPixelStride, kRowPixels, kRowStride>(x_inner, w, sums.acc);
      }
    }
  }
  return w;
}

/** Sums that are floats in registers: finished all at once and stored. */
template <class F, int kPixels, int kVectors, class Out>
CORTADO_INLINE void store_tile(const TileLoops& loops, const TileFinish& finish, F (&acc)[kPixels][kVectors], Out* y, const Out* residual) {
  finish_tile(loops, finish, residual, acc);
  static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
    static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
      store(y + v * loops.y_vector_stride + p * loops.y_pixel_stride, acc[p][v]);
    });
  });
}

/** Sums of halves: as floats they need twice the registers, so that a few pixels at a time are finished and stored. */
template <class E, class F, int kPixels, int kVectors, class Out>
CORTADO_INLINE void store_short_sums(const TileLoops& loops, const TileFinish& finish, const TileSums<E, F, kPixels, kVectors>& sums, Out* y, const Out* residual) {
  constexpr int B = kLanesOf<F>, group = 4;
  static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
    TileFinish finish_v = finish;
    if (finish.bias != nullptr) finish_v.bias = finish.bias + v * B;
    if (finish.slope != nullptr) finish_v.slope = finish.slope + v * B;
    static_for<0, (kPixels + group - 1) / group>([&](auto g) __attribute__((always_inline)) {
      constexpr int first = g * group, count = first + group < kPixels ? group : kPixels - first;
      const std::int64_t at = v * loops.y_vector_stride + first * loops.y_pixel_stride;
      F some[count][1];
      static_for<0, count>([&](auto i) __attribute__((always_inline)) { some[i][0] = Products<E, F>::widen(sums.acc[first + i][v]); });
      if (sums.has_earlier) {
        static_for<0, count>([&](auto i) __attribute__((always_inline)) { some[i][0] = some[i][0] + load<F>(sums.earlier + (v * kPixels + first + i) * B); });
      }
      if (loops.accumulate) {
        static_for<0, count>([&](auto i) __attribute__((always_inline)) { some[i][0] = some[i][0] + load<F>(y + at + i * loops.y_pixel_stride); });
      } else if (finish.start != nullptr) {
        const F start = load<F>(finish.start + v * B);
        static_for<0, count>([&](auto i) __attribute__((always_inline)) { some[i][0] = some[i][0] + start; });
      }
      store_tile(loops, finish_v, some, y + at, residual == nullptr ? nullptr : residual + at);
    });
  });
}

/**
 * One register tile. w: [outer][middle][inner][lane][kVectors][B], bf16 in pairs of lanes: [lane/2][kVectors][B][2]. y: vector v of
 * pixel p at v·y_vector_stride + p·y_pixel_stride. Registers needed: kPixels·kVectors + kVectors + 1 (14 × 2 of 32; 6 × 2 of 16).
 * kLanes > 0: the lane count, unrolled. The two lanes of a pair are neighbours in memory; pairs are 2 · kLaneStride apart.
 * Where sums are widened, a step of the inner loop may have kMostProducts lanes at most (products.h).
 */
template <int B, int kPixels, int kVectors, int kPixelStride, int kRowPixels, int kRowStride, int kLaneStride, int kLanes = 0, class E = float,
          class Out = E>
CORTADO_NOINLINE void register_tile(const TileLoops& loops, const TileFinish& finish, const E* x, const E* w, Out* y, const Out* residual) {
  using F = Vec<float, B>;
  using P = Products<E, F>;
  constexpr int step = kProductLanes<E>, w_step = kVectors * B * step;
  constexpr bool has_short_sums = P::kMostProducts > 0;
  typename P::Sum acc[kPixels][kVectors];
  static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
    if constexpr (has_short_sums) {
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) { acc[p][v] = typename P::Sum{}; });
    } else {
      const F start = finish.start == nullptr ? F{} : load<F>(finish.start + v * B);
      static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
        acc[p][v] = loops.accumulate ? load<F>(y + v * loops.y_vector_stride + p * loops.y_pixel_stride) : start;
      });
    }
  });
  alignas(16) float earlier[has_short_sums ? kPixels * kVectors * B : 1];
  // Written before it is read, which GCC does not see.
  if constexpr (has_short_sums) __asm__("" : "=m"(earlier));
  const int step_lanes = kLanes > 0 ? kLanes : loops.lanes;
  const int steps_per_visit = P::kMostProducts > step_lanes ? P::kMostProducts / step_lanes : 1;
  TileSums<E, F, kPixels, kVectors> sums{acc, earlier, false, steps_per_visit, steps_per_visit};
  const E* x_outer = x;
  int outer = loops.outer;
  if constexpr (kMultipliesBlocks<E, F> && kLaneStride == 1 && kLanes == 0) {
    const int blocks = loops.lanes != B ? 0 : loops.last_lanes == B ? outer : outer - 1;
    w = multiply_blocks<F, kPixelStride, kRowPixels, kRowStride>(loops, blocks, x, w, sums);
    x_outer += blocks * loops.x_outer_stride;
    outer -= blocks;
  }
  for (; outer > 0; --outer, x_outer += loops.x_outer_stride) {
    const int lanes = outer == 1 ? loops.last_lanes : loops.lanes;
    const E* x_middle = x_outer;
    for (int middle = loops.middle; middle > 0; --middle, x_middle += loops.x_middle_stride) {
      const E* x_inner = x_middle;
      for (int inner = loops.inner; inner > 0; --inner, x_inner += loops.x_inner_stride) {
        sums.begin_step();
        if constexpr (kLanes > 0 && kLaneStride == 1 && kMultipliesRows<E, F, kPixelStride, kRowPixels, kPixels, kLanes>) {
          multiply_row<F, kPixelStride, kLanes>(x_inner, w, acc);
          w += kLanes * kVectors * B;
        } else if constexpr (kLanes > 0) {
          static_for<0, (kLanes + step - 1) / step>([&](auto lane) __attribute__((always_inline)) {
            constexpr bool is_last = decltype(lane)::value * step + step > kLanes;
            multiply_lane<F, kPixelStride, kRowPixels, kRowStride, is_last>(x_inner + lane * (kLaneStride * step), w + lane * w_step, acc);
            // Neighbouring lanes read some of the same floats; kept in registers from lane to lane they would drive the sums out.
            __asm__ volatile("" : : : "memory");
          });
          w += (kLanes + step - 1) / step * w_step;
        } else {
          const E* x_lane = x_inner;
          for (int lane = lanes; lane >= step; lane -= step, x_lane += kLaneStride * step, w += w_step) {
            prefetch_ahead<w_step>(w, loops.w_ahead);
            if constexpr (kPixelStride == 1 && kMultipliesRows<E, F, 1, kRowPixels, kPixels, 1>) {
              multiply_row<F, 1, 1>(x_lane, w, acc);
            } else {
              multiply_lane<F, kPixelStride, kRowPixels, kRowStride>(x_lane, w, acc);
            }
          }
          if constexpr (step > 1) {
            if (lanes % step != 0) multiply_lane<F, kPixelStride, kRowPixels, kRowStride, true>(x_lane, w, acc);
            if (lanes % step != 0) w += w_step;
          }
        }
      }
    }
  }
  if constexpr (has_short_sums) {
    store_short_sums(loops, finish, sums, y, residual);
  } else {
    store_tile(loops, finish, acc, y, residual);
  }
}

}  // namespace cortado
