// The arithmetic of a matrix tile in shared memory (tile_fragments.h): halves and TF32 on tensor cores, by warps or by warpgroups as the
// tile says, floats on the ordinary units.
#pragma once

#include "cortado_cuda/warpgroup_tile.h"

namespace cortado::cuda {

/** What tiles of warps have nothing of: their products are done when accumulate() returns. */
struct SynchronousTile {
  static constexpr int kInFlight = 0;
  static CORTADO_DEVICE void publish() {}
  CORTADO_DEVICE void finish() {}
};

/** A warp's accumulators on tensor cores: kM × kN tiles of 16 × 8. Multiply::step does 32 bytes of k. */
template <class Multiply, class T>
struct TensorTile : SynchronousTile {
  static constexpr int kM = T::k.rows / T::k.warps_m / 16;
  static constexpr int kN = T::k.cols / T::k.warps_n / 8;
  static_assert(T::k.rows % (T::k.warps_m * 16) == 0 && T::k.cols % (T::k.warps_n * 16) == 0, "warps work on 16 × 16 tiles");

  float sums[kM][kN][4] = {};

  CORTADO_DEVICE void accumulate(const char* a, const char* b, int warp, int lane, bool) {
    const int first_row = warp / T::k.warps_n * kM * 16, first_col = warp % T::k.warps_n * kN * 8;
    CORTADO_UNROLL
    for (int step = 0; step < T::k.k_bytes / 32; ++step) {
      std::uint32_t rows[kM][4], cols[kN / 2][4];
      CORTADO_UNROLL
      for (int i = 0; i < kM; ++i) {
        load_matrices(rows[i], chunk_address<T::k.k_bytes>(a, first_row + i * 16 + lane % 16, step * 2 + lane / 16));
        Multiply::round(rows[i]);
      }
      CORTADO_UNROLL
      for (int j = 0; j < kN / 2; ++j) {
        load_matrices(cols[j], chunk_address<T::k.k_bytes>(b, first_col + j * 16 + lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2));
      }
      CORTADO_UNROLL
      for (int i = 0; i < kM; ++i) {
        CORTADO_UNROLL
        for (int j = 0; j < kN; ++j) Multiply::step(sums[i][j], rows[i], cols[j / 2][j % 2 * 2], cols[j / 2][j % 2 * 2 + 1]);
      }
    }
  }

  /** The sums as a row-major tile. */
  CORTADO_DEVICE void stage(float* tile, int warp, int lane, bool) const {
    const int first_row = warp / T::k.warps_n * kM * 16, first_col = warp % T::k.warps_n * kN * 8;
    stage_fragments<gemm_staged_pitch(T::k), 16>(tile, sums, first_row, first_col, lane);
  }
};

/** A warp's accumulators on the ordinary units: lanes form 4 rows × 8 columns, a lane's rows lie 4 apart, its columns 8. */
template <class T>
struct FloatTile : SynchronousTile {
  static constexpr int kM = T::k.rows / T::k.warps_m / 4;
  static constexpr int kN = T::k.cols / T::k.warps_n / 8;
  static_assert(T::k.rows % (T::k.warps_m * 4) == 0 && T::k.cols % (T::k.warps_n * 8) == 0, "lanes form 4 × 8");

  float sums[kM][kN] = {};

  CORTADO_DEVICE void accumulate(const char* a, const char* b, int warp, int lane, bool) {
    const int first_row = warp / T::k.warps_n * kM * 4 + lane / 8, first_col = warp % T::k.warps_n * kN * 8 + lane % 8;
    CORTADO_UNROLL_BY(kM * kN >= 64 ? 1 : T::k.k_bytes / 16)  // large tiles need their registers for sums
    for (int chunk = 0; chunk < T::k.k_bytes / 16; ++chunk) {
      float4 rows[kM];
      CORTADO_UNROLL
      for (int i = 0; i < kM; ++i) rows[i] = read_shared<float4>(chunk_address<T::k.k_bytes>(a, first_row + i * 4, chunk));
      CORTADO_UNROLL
      for (int j = 0; j < kN; ++j) {
        const float4 col = read_shared<float4>(chunk_address<T::k.k_bytes>(b, first_col + j * 8, chunk));
        CORTADO_UNROLL
        for (int i = 0; i < kM; ++i) {
          sums[i][j] += rows[i].x * col.x;
          sums[i][j] += rows[i].y * col.y;
          sums[i][j] += rows[i].z * col.z;
          sums[i][j] += rows[i].w * col.w;
        }
      }
    }
  }

  CORTADO_DEVICE void stage(float* tile, int warp, int lane, bool) const {
    const int first_row = warp / T::k.warps_n * kM * 4 + lane / 8, first_col = warp % T::k.warps_n * kN * 8 + lane % 8;
    CORTADO_UNROLL
    for (int i = 0; i < kM; ++i) {
      CORTADO_UNROLL
      for (int j = 0; j < kN; ++j) write_shared(tile + (first_row + i * 4) * gemm_staged_pitch(T::k) + first_col + j * 8, sums[i][j]);
    }
  }
};

template <class Math, class T>
using TensorTileOf = std::conditional_t<T::k.warpgroups != 0, WarpgroupTile<typename Math::Groups, T>, TensorTile<Math, T>>;

/** fp16 operands, fp32 sums, tensor cores. */
struct HalfMath {
  using Element = Half;
  using Groups = HalfGroups;
  template <class T>
  using Tile = TensorTileOf<HalfMath, T>;
  static CORTADO_DEVICE void round(std::uint32_t (&)[4]) {}
  static CORTADO_DEVICE void step(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) { mma_f16(sums, a, b0, b1); }
};

/** fp32 operands rounded to TF32 (weights when they are packed, activations here), fp32 sums, tensor cores. */
struct Tf32Math {
  using Element = float;
  using Groups = Tf32Groups;
  template <class T>
  using Tile = TensorTileOf<Tf32Math, T>;
  static CORTADO_DEVICE void round(std::uint32_t (&a)[4]) {
    for (int i = 0; i < 4; ++i) a[i] = to_tf32(a[i]);
  }
  static CORTADO_DEVICE void step(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) { mma_tf32(sums, a, b0, b1); }
};

/** fp32 throughout, on the ordinary units. */
struct FloatMath {
  using Element = float;
  template <class T>
  using Tile = FloatTile<T>;
};

}  // namespace cortado::cuda
