// roi_align_image and roi_pool_image: a fixed grid of pixels for each region of interest of images. One thread makes a pack of channels
// of one cell. The host has made sure that every region names an image that is there.
#pragma once

#include "cortado_cuda/image.h"

namespace cortado::cuda {

/** Sizes of images, regions and grids; channels and strides as in ImageRows. A region has 4 numbers, or 5 with its image first. */
struct RegionDims {
  std::int64_t images;
  int in_height;
  int in_width;
  std::int64_t regions;
  int columns;
  int out_height;
  int out_width;
  int channels;
  int x_stored;
  int y_written;
  int y_stored;
};

/** A cell of a region's grid. */
struct RegionCell {
  std::int64_t image;
  const float* corners; /**< x1, y1, x2, y2 of the region. */
  int row;
  int col;
};

CORTADO_DEVICE RegionCell region_cell(const RegionDims& d, const float* regions, std::int64_t pixel) {
  const int cells = d.out_height * d.out_width, cell = static_cast<int>(pixel % cells);
  const float* region = regions + pixel / cells * d.columns;
  const std::int64_t image = d.columns == 5 ? static_cast<std::int64_t>(region[0]) : 0;
  return RegionCell{image, region + (d.columns - 4), cell / d.out_width, cell % d.out_width};
}

/** Neighbours of a coordinate and the share of the higher one. Outside [-1, size] there are none: low = -1. */
struct Neighbours {
  int low;
  int high;
  float share;
};

CORTADO_DEVICE Neighbours neighbours_of(float at, int size) {
  if (!(at >= -1.0f && at <= static_cast<float>(size))) return Neighbours{-1, -1, 0.0f};
  const float clamped = at > 0.0f ? at : 0.0f;
  const int low = static_cast<int>(clamped);
  if (low >= size - 1) return Neighbours{size - 1, size - 1, 0.0f};
  return Neighbours{low, low + 1, clamped - static_cast<float>(low)};
}

/** Samples for a cell of `bin` pixels; unreasonable sizes (NaN, beyond 2^20) give none. */
CORTADO_DEVICE int samples_of(int wanted, float bin) {
  if (wanted > 0) return wanted;
  const float up = ceil(bin);
  return up > 0.0f && up < 1048576.0f ? static_cast<int>(up) : 0;
}

struct AlignOptions {
  float spatial_scale; /**< Size of the images divided by the size that regions count in. */
  int sampling;        /**< Samples in each direction; ≤ 0: as many as the cell has pixels. */
  bool aligned;        /**< Shift by half a pixel, and no least size of 1. */
};

/** y = mean of bilinear samples in the cell. */
template <class T>
struct AlignedPack {
  const T* x;
  const float* regions;
  RegionDims d;
  AlignOptions options;
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    const RegionCell cell = region_cell(d, regions, pixel);
    const float shift = options.aligned ? 0.5f : 0.0f;
    const float start_x = cell.corners[0] * options.spatial_scale - shift, start_y = cell.corners[1] * options.spatial_scale - shift;
    float width = cell.corners[2] * options.spatial_scale - shift - start_x, height = cell.corners[3] * options.spatial_scale - shift - start_y;
    if (!options.aligned) {
      width = width > 1.0f ? width : 1.0f;
      height = height > 1.0f ? height : 1.0f;
    }
    const float bin_h = height / static_cast<float>(d.out_height), bin_w = width / static_cast<float>(d.out_width);
    const int rows = samples_of(options.sampling, bin_h), cols = samples_of(options.sampling, bin_w);
    const float first_y = start_y + static_cast<float>(cell.row) * bin_h, first_x = start_x + static_cast<float>(cell.col) * bin_w;
    const T* image = x + cell.image * d.in_height * d.in_width * d.x_stored + channel;
    V sum = splat<V>(0.0f);
    for (int i = 0; i < rows; ++i) {
      const Neighbours v = neighbours_of(first_y + (static_cast<float>(i) + 0.5f) * bin_h / static_cast<float>(rows), d.in_height);
      if (v.low < 0) continue;
      for (int j = 0; j < cols; ++j) {
        const Neighbours h = neighbours_of(first_x + (static_cast<float>(j) + 0.5f) * bin_w / static_cast<float>(cols), d.in_width);
        if (h.low < 0) continue;
        const auto weighted = [&](int row, int col, float share) {
          return load<V>(image + (static_cast<std::int64_t>(row) * d.in_width + col) * d.x_stored) * splat<V>(share);
        };
        const V top = weighted(v.low, h.low, (1.0f - v.share) * (1.0f - h.share)) + weighted(v.low, h.high, (1.0f - v.share) * h.share);
        const V bottom = weighted(v.high, h.low, v.share * (1.0f - h.share)) + weighted(v.high, h.high, v.share * h.share);
        sum = sum + (top + bottom);
      }
    }
    return divide(sum, splat<V>(static_cast<float>(rows) * static_cast<float>(cols)));
  }
};

template <class T>
void roi_align_image(cudaStream_t stream, const RegionDims& d, const AlignOptions& options, const T* x, const float* regions, T* y) {
  const ImageRows rows{d.regions * d.out_height * d.out_width, d.channels, d.x_stored, d.y_written, d.y_stored};
  each_pack(stream, rows, y, AlignedPack<T>{x, regions, d, options});
}

/** C's round to an integer that is safe to add to: halves away from zero, huge values clipped. */
CORTADO_DEVICE int round_corner(float value) {
  const float limited = value > -1e9f ? (value < 1e9f ? value : 1e9f) : -1e9f;
  return static_cast<int>(limited < 0.0f ? limited - 0.5f : limited + 0.5f);
}

/** Pixels [begin, end) of one axis that belong to a cell, inside of the image. */
struct CellRange {
  int begin;
  int end;
};

CORTADO_DEVICE CellRange cell_range(int cell, float bin, int start, int size) {
  const auto inside = [size](int at) { return at < 0 ? 0 : at < size ? at : size; };
  return CellRange{inside(static_cast<int>(floor(static_cast<float>(cell) * bin)) + start),
                   inside(static_cast<int>(ceil(static_cast<float>(cell + 1) * bin)) + start)};
}

/** y = maximum over the cell, whose borders are rounded to pixels; 0 for an empty one. */
template <class T>
struct RegionPooledPack {
  const T* x;
  const float* regions;
  RegionDims d;
  float spatial_scale;
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    const RegionCell cell = region_cell(d, regions, pixel);
    const int x1 = round_corner(cell.corners[0] * spatial_scale), y1 = round_corner(cell.corners[1] * spatial_scale);
    const int width = round_corner(cell.corners[2] * spatial_scale) - x1 + 1, height = round_corner(cell.corners[3] * spatial_scale) - y1 + 1;
    const CellRange v = cell_range(cell.row, static_cast<float>(height > 1 ? height : 1) / static_cast<float>(d.out_height), y1, d.in_height);
    const CellRange h = cell_range(cell.col, static_cast<float>(width > 1 ? width : 1) / static_cast<float>(d.out_width), x1, d.in_width);
    if (v.end <= v.begin || h.end <= h.begin) return splat<V>(0.0f);
    const T* image = x + cell.image * d.in_height * d.in_width * d.x_stored + channel;
    const auto at = [&](int row, int col) { return load<V>(image + (static_cast<std::int64_t>(row) * d.in_width + col) * d.x_stored); };
    V best = at(v.begin, h.begin);
    for (int row = v.begin; row < v.end; ++row) {
      for (int col = h.begin; col < h.end; ++col) {
        const V value = at(row, col);
        best = select(gt(value, best), value, best);
      }
    }
    return best;
  }
};

template <class T>
void roi_pool_image(cudaStream_t stream, const RegionDims& d, float spatial_scale, const T* x, const float* regions, T* y) {
  const ImageRows rows{d.regions * d.out_height * d.out_width, d.channels, d.x_stored, d.y_written, d.y_stored};
  each_pack(stream, rows, y, RegionPooledPack<T>{x, regions, d, spatial_scale});
}

}  // namespace cortado::cuda
