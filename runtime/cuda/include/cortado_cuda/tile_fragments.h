// Where the chunks of a matrix tile lie in shared memory, and how accumulators become a row-major tile: the same for products of warps
// (tile_math.h) and of warpgroups (warpgroup_tile.h). Rows of both operands are kBytes long, in chunks of 16 bytes, and chunk c of row
// r lies where swizzled_chunk says, so that eight neighbouring rows at the same c touch all 32 banks once.
#pragma once

#include "cortado_cuda/conv_shape.h"

namespace cortado::cuda {

/** Place of a chunk in its row: rows of 128 bytes take turns over 8 places, pairs of rows of 64 bytes over 4. */
template <int kBytes>
CORTADO_DEVICE int swizzled_chunk(int row, int chunk) {
  static_assert(kBytes == 64 || kBytes == 128, "rows are 64 or 128 bytes");
  return kBytes == 128 ? chunk ^ (row & 7) : chunk ^ ((row >> 1) & 3);
}

template <int kBytes>
CORTADO_DEVICE const char* chunk_address(const char* tile, int row, int chunk) {
  return tile + row * kBytes + swizzled_chunk<kBytes>(row, chunk) * 16;
}

/** A warp's accumulators of 16 × 8, kRowStep rows and 8 columns apart, into a tile of rows of kPitch floats. */
template <int kPitch, int kRowStep, int kM, int kN>
CORTADO_DEVICE void stage_fragments(float* tile, const float (&sums)[kM][kN][4], int first_row, int first_col, int lane) {
  CORTADO_UNROLL
  for (int i = 0; i < kM; ++i) {
    CORTADO_UNROLL
    for (int j = 0; j < kN; ++j) {
      CORTADO_UNROLL
      for (int half = 0; half < 2; ++half) {
        float* at = tile + (first_row + i * kRowStep + half * 8 + lane / 4) * kPitch + first_col + j * 8 + lane % 4 * 2;
        write_shared(at, float2{sums[i][j][half * 2], sums[i][j][half * 2 + 1]});
      }
    }
  }
}

}  // namespace cortado::cuda
