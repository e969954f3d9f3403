// Constants that describe a 2-D convolution and how to walk it. The compiler prints these as positional aggregates.
#pragma once

#include "cortado/part.h"

namespace cortado {

/** x: [n, in_channels, in_height, in_width], y: [n, out_channels, out_height, out_width]; bottom and right pads follow. */
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
  int pad_top;  /**< Negative: the first rows are skipped. */
  int pad_left;
  int dilation_h;
  int dilation_w;
  int groups;
  int block;                   /**< B: channels per vector of blocked tensors. */
  std::int64_t x_image_stride; /**< Elements between images of x; 0 = dense. */
  std::int64_t y_image_stride; /**< Elements between images of y; 0 = dense. */
};

/** How a convolution is cut: registers, then cache. Any positive numbers are right; some are fast. */
struct Conv2dTile {
  int pixels;       /**< Pixels of the register tile. */
  int vectors;      /**< Vectors of output channels of the register tile. */
  int band_rows;    /**< Output rows that are worked on together, so that their input stays in the L2 cache. */
  int chunk_blocks; /**< Input-channel blocks per pass over a band, so that their weights stay in the L1 cache. */
};

constexpr int dilated_extent(int kernel, int dilation) { return dilation * (kernel - 1) + 1; }

/** True if some window leaves the image: the band is then copied into scratch with zeros around it. */
constexpr bool reads_padding(const Conv2dShape& s) {
  const int last_row = (s.out_height - 1) * s.stride_h - s.pad_top + dilated_extent(s.kernel_h, s.dilation_h);
  const int last_col = (s.out_width - 1) * s.stride_w - s.pad_left + dilated_extent(s.kernel_w, s.dilation_w);
  return s.pad_top > 0 || s.pad_left > 0 || last_row > s.in_height || last_col > s.in_width;
}

/** True if x may be read as one long row of pixels: 1×1, stride 1, nothing padded or cropped. */
constexpr bool is_pointwise(const Conv2dShape& s) {
  return s.kernel_h == 1 && s.kernel_w == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_top == 0 && s.pad_left == 0 &&
         s.out_height == s.in_height && s.out_width == s.in_width;
}

constexpr int band_height(const Conv2dShape& s, int out_rows) {
  return (out_rows - 1) * s.stride_h + dilated_extent(s.kernel_h, s.dilation_h);
}

constexpr int band_width(const Conv2dShape& s) {
  return (s.out_width - 1) * s.stride_w + dilated_extent(s.kernel_w, s.dilation_w);
}

/** `total` cut into `count` pieces as equal as possible, the longer ones first. 31 in 4: 8, 8, 8, 7. */
struct Split {
  int total;
  int count;
  constexpr int base() const { return total / count; }
  constexpr int longer() const { return total % count; }
  constexpr int begin(int index) const { return index * base() + (index < longer() ? index : longer()); }
};

/** `total` in the fewest pieces of at most `largest`. */
constexpr Split split_by(int total, int largest) { return Split{total, static_cast<int>(ceil_div(total, largest))}; }

/**
 * Register tiles over the output. Either rows are whole and a tile holds some (narrow images), or a tile lies in one row; a
 * pointwise convolution has one row of out_height·out_width pixels.
 */
struct TileGrid {
  Split rows;
  Split cols;
  int band_tiles; /**< Tiles along rows (along cols if pointwise) that make a band. */
};

constexpr TileGrid tile_grid(const Conv2dShape& s, const Conv2dTile& t) {
  if (is_pointwise(s)) {
    const Split cols = split_by(s.out_height * s.out_width, t.pixels);
    const int tiles = static_cast<int>(ceil_div(static_cast<std::int64_t>(t.band_rows) * s.out_width, t.pixels));
    return TileGrid{Split{1, 1}, cols, tiles < cols.count ? tiles : cols.count};
  }
  const int band_rows = t.band_rows < s.out_height ? t.band_rows : s.out_height;
  if (s.out_width > t.pixels) return TileGrid{Split{s.out_height, s.out_height}, split_by(s.out_width, t.pixels), band_rows};
  const int fitting = t.pixels / s.out_width;
  const Split rows = split_by(s.out_height, fitting < band_rows ? fitting : band_rows);
  return TileGrid{rows, Split{s.out_width, 1}, band_rows / (rows.base() + (rows.longer() > 0 ? 1 : 0))};
}

}  // namespace cortado
