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
};

constexpr int in_group(const Conv2dShape& s) { return s.in_channels / s.groups; }
constexpr int out_group(const Conv2dShape& s) { return s.out_channels / s.groups; }

/** Elements from one pixel to the next of a dense tensor of y's shape: what the offset of an epilogue counts in. */
constexpr int dense_stored(int channels) { return static_cast<int>(round_up(channels, 8)); }

/** 1×1 with nothing padded: no window can leave the image. */
constexpr bool is_pointwise(const Conv2dShape& s) {
  return s.kernel_h == 1 && s.kernel_w == 1 && s.pad_top == 0 && s.pad_left == 0 && (s.out_height - 1) * s.stride_h < s.in_height &&
         (s.out_width - 1) * s.stride_w < s.in_width;
}

constexpr int gemm_threads(const GemmTile& t) { return t.warps_m * t.warps_n * 32; }

constexpr std::size_t gemm_stage_bytes(const GemmTile& t) { return static_cast<std::size_t>((t.rows + t.cols) * t.k_bytes); }

constexpr int gemm_staged_pitch(const GemmTile& t) { return t.cols + 8; }

/** Shared memory: the stages, and after them, in the same place, the finished tile as floats. */
constexpr std::size_t gemm_shared_bytes(const GemmTile& t) {
  const std::size_t pipeline = gemm_stage_bytes(t) * static_cast<std::size_t>(t.stages);
  const std::size_t tile = static_cast<std::size_t>(t.rows * gemm_staged_pitch(t)) * sizeof(float);
  return pipeline > tile ? pipeline : tile;
}

}  // namespace cortado::cuda
