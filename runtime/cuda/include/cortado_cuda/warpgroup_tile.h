// A matrix tile on the products of warpgroups (wgmma, compute capability 9.0a): the same tile in shared memory as for warps (tile_math.h),
// whose swizzle of rows of 128 bytes is the hardware's, if the tile begins at a multiple of 1024 bytes. Instructions run on while the
// next step's copies are issued: a stage is read until the step after the next has come to its barrier.
#pragma once

#include "cortado_cuda/tile_fragments.h"

namespace cortado::cuda {

/** How wgmma finds rows of 128 bytes of k: groups of eight rows follow each other, chunks are swizzled over 128 bytes. */
CORTADO_DEVICE std::uint64_t tile_descriptor(const char* rows) {
  constexpr std::uint64_t leading = 1, group_bytes = 8 * 128, swizzle_128 = 1;
  return std::uint64_t{shared_address(rows) >> 4} | leading << 16 | group_bytes >> 4 << 32 | swizzle_128 << 62;
}

/** A warpgroup's accumulators: kM times 64 rows, 8 · kN columns. Multiply::multiply_group does 32 bytes of k. */
template <class Multiply, class T>
struct WarpgroupTile {
  static constexpr int kInFlight = 1; /**< Steps whose products may still run when the next one begins. */
  static constexpr int kM = T::k.rows / (T::k.warps_m / 4) / 64;
  static constexpr int kN = T::k.cols / T::k.warps_n / 8;
  static constexpr int kSteps = T::k.k_bytes / 32;
  static_assert(T::k.k_bytes == 128 && T::k.stages >= 3, "warpgroups: rows of 128 bytes, a stage more than for warps");
  static_assert(T::k.warps_m % 4 == 0 && T::k.rows % (T::k.warps_m * 16) == 0 && T::k.cols % (T::k.warps_n * 64) == 0, "warpgroups work on 64 × 64 tiles");

  float sums[kM][kN][4]; /**< Written by the first step. */
  typename Multiply::template Fragments<kM, kSteps> fragments;

  /** Copies that this thread has waited for are passed on to wgmma; a barrier must follow. */
  static CORTADO_DEVICE void publish() { fence_async_proxy(); }

  /** Starts the products of a step; those of the step before are done afterwards. */
  CORTADO_DEVICE void accumulate(const char* a, const char* b, int warp, int lane, bool adds) {
    const char* rows = a + warp / 4 / T::k.warps_n * kM * 64 * 128;
    const std::uint64_t cols = tile_descriptor(b + warp / 4 % T::k.warps_n * kN * 8 * 128);
    Multiply::multiply_group(sums, fragments, rows, cols, warp % 4, lane, adds);
  }

  CORTADO_DEVICE void finish() {
    wgmma_wait<0>();
    CORTADO_UNROLL
    for (int i = 0; i < kM; ++i) pin_sums(sums[i]);
  }

  /** The sums as a row-major tile; zeros where no step has set them. (Zeros in `sums` itself would want as many registers again.) */
  CORTADO_DEVICE void stage(float* tile, int warp, int lane, bool is_empty) const {
    const int first_row = warp / 4 / T::k.warps_n * kM * 64 + warp % 4 * 16, first_col = warp / 4 % T::k.warps_n * kN * 8;
    if (is_empty) {
      const float zeros[kM][kN][4] = {};
      stage_fragments<gemm_staged_pitch(T::k), 64>(tile, zeros, first_row, first_col, lane);
    } else {
      stage_fragments<gemm_staged_pitch(T::k), 64>(tile, sums, first_row, first_col, lane);
    }
  }
};

/** Halves: both operands straight from shared memory. */
struct HalfGroups {
  template <int kM, int kSteps>
  struct Fragments {};

  template <int kM, int kN, int kSteps>
  static CORTADO_DEVICE void multiply_group(float (&sums)[kM][kN][4], Fragments<kM, kSteps>&, const char* rows, std::uint64_t cols, int, int, bool adds) {
    const std::uint64_t first = tile_descriptor(rows);
    wgmma_fence();
    CORTADO_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      CORTADO_UNROLL
      for (int i = 0; i < kM; ++i) wgmma_f16(sums[i], first + static_cast<std::uint64_t>(i * 64 * 128 + step * 32) / 16, cols + static_cast<std::uint64_t>(step * 2), adds || step > 0);
    }
    wgmma_commit();
    wgmma_wait<1>();
  }
};

/** TF32: pixels are rounded on their way through registers (wgmma itself would cut them off), each instruction a group of its own. */
struct Tf32Groups {
  template <int kM, int kSteps>
  struct Fragments {
    std::uint32_t words[kM][kSteps][4];
  };

  template <int kM, int kN, int kSteps>
  static CORTADO_DEVICE void multiply_group(float (&sums)[kM][kN][4], Fragments<kM, kSteps>& fragments, const char* rows, std::uint64_t cols, int warp, int lane, bool adds) {
    CORTADO_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      wgmma_wait<kSteps - 1>();  // the fragments of this place in the step before have been read
      CORTADO_UNROLL
      for (int i = 0; i < kM; ++i) {
        std::uint32_t(&a)[4] = fragments.words[i][step];
        load_matrices(a, chunk_address<128>(rows, i * 64 + warp * 16 + lane % 16, step * 2 + lane / 16));
        CORTADO_UNROLL
        for (int word = 0; word < 4; ++word) a[word] = to_tf32(a[word]);
      }
      wgmma_fence();
      CORTADO_UNROLL
      for (int i = 0; i < kM; ++i) wgmma_tf32(sums[i], fragments.words[i][step], cols + static_cast<std::uint64_t>(step * 2), adds || step > 0);
      wgmma_commit();
    }
  }
};

}  // namespace cortado::cuda
