// Constants that describe a convolution of images (channels last) and how its matrix product is cut into tiles. The compiler prints
// these as positional aggregates. A fully connected layer is the convolution of 1×1 images.
#pragma once

#include "cortado_cuda/cuda.h"

namespace cortado::cuda {

/** x: [n][in_height][in_width][x_stored], y: [n][out_height][out_width][y_stored]; bottom and right pads follow. */
struct Conv2dShape {
  int in_channels;
  int in_height;
  int in_width;
  int out_channels;
  int out_height;
  int out_width;
  int kernel_h;
  int kernel_w;
  int stride_h;
  int stride_w;
  int pad_top; /**< Negative: the first rows are skipped. */
  int pad_left;
  int dilation_h;
  int dilation_w;
  int groups;
  int x_read;    /**< Channels of a group that are read of each pixel, at least in_channels / groups; the weights of the rest are 0. */
  int x_stored;  /**< Elements from one pixel of x to the next. */
  int y_written; /**< Channels written of each pixel, at least out_channels; what is past those becomes 0. */
  int y_stored;  /**< Elements from one pixel of y to the next. */
};

/** How the product pixels × channels is cut. Any values that static_assert lets pass are right; some are fast. */
struct GemmTile {
  int rows;    /**< Pixels of a block. */
  int cols;    /**< Output channels of a block. */
  int k_bytes; /**< Bytes of a pixel's or filter's row per step: 64 or 128. */
  int stages;  /**< Steps in flight, at least 2. */
  int warps_m; /**< Warps along the rows … */
  int warps_n; /**< … and along the columns. */
  int splits;  /**< Blocks that share the sum of one tile. */
  int warpgroups = 0; /**< 1: on the products of warpgroups (warpgroup_tile.h), four warps along the rows each; 0: of warps. */
};

// nvcc cannot compile kernels whose template arguments refer to constants, so launchers turn these into types.
template <int... kFields>
struct ShapeOf {
  static constexpr Conv2dShape k{kFields...};
};
template <int... kFields>
struct TileOf {
  static constexpr GemmTile k{kFields...};
};
template <const Conv2dShape& S>
using ShapeType = ShapeOf<S.in_channels, S.in_height, S.in_width, S.out_channels, S.out_height, S.out_width, S.kernel_h, S.kernel_w, S.stride_h,
                          S.stride_w, S.pad_top, S.pad_left, S.dilation_h, S.dilation_w, S.groups, S.x_read, S.x_stored, S.y_written, S.y_stored>;
template <const GemmTile& T>
using TileType = TileOf<T.rows, T.cols, T.k_bytes, T.stages, T.warps_m, T.warps_n, T.splits, T.warpgroups>;

CORTADO_CONSTEXPR int in_group(const Conv2dShape& s) { return s.in_channels / s.groups; }
CORTADO_CONSTEXPR int out_group(const Conv2dShape& s) { return s.out_channels / s.groups; }

/** Elements from one pixel to the next of a dense tensor of y's shape: what the offset of an epilogue counts in. */
CORTADO_CONSTEXPR int dense_stored(int channels) { return static_cast<int>(round_up(channels, 8)); }

/** 1×1 with nothing padded: no window can leave the image. */
CORTADO_CONSTEXPR bool is_pointwise(const Conv2dShape& s) {
  return s.kernel_h == 1 && s.kernel_w == 1 && s.pad_top == 0 && s.pad_left == 0 && (s.out_height - 1) * s.stride_h < s.in_height &&
         (s.out_width - 1) * s.stride_w < s.in_width;
}

CORTADO_CONSTEXPR int gemm_threads(const GemmTile& t) { return t.warps_m * t.warps_n * 32; }

CORTADO_CONSTEXPR std::size_t gemm_stage_bytes(const GemmTile& t) { return static_cast<std::size_t>((t.rows + t.cols) * t.k_bytes); }

CORTADO_CONSTEXPR int gemm_staged_pitch(const GemmTile& t) { return t.cols + 8; }

/** Shared memory: the stages, and after them, in the same place, the finished tile as floats. */
CORTADO_CONSTEXPR std::size_t gemm_shared_bytes(const GemmTile& t) {
  const std::size_t pipeline = gemm_stage_bytes(t) * static_cast<std::size_t>(t.stages);
  const std::size_t tile = static_cast<std::size_t>(t.rows * gemm_staged_pitch(t)) * sizeof(float);
  return pipeline > tile ? pipeline : tile;
}

/** Blocks that a multiprocessor must hold: 384 threads bound the registers of each to 168, of blocks of 256 to 128; large tiles of warpgroups have it all. */
CORTADO_CONSTEXPR int gemm_resident_blocks(const GemmTile& t) {
  const int by_threads = static_cast<int>(ceil_div(384, gemm_threads(t)));
  const int by_shared = static_cast<int>(227 * 1024 / (gemm_shared_bytes(t) + 1024));
  return t.warpgroups != 0 && by_shared < by_threads ? by_shared : by_threads;
}

}  // namespace cortado::cuda
