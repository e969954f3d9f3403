// roi_align and roi_pool on plain tensors: a fixed grid for each region of interest. A region that names an image that
// is not there is a fault.
#pragma once

#include <cmath>
#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

struct RoiAlignOptions {
  float spatial_scale;
  std::int64_t height;
  std::int64_t width;
  std::int64_t sampling; /* <= 0: as many samples as the cell has pixels */
  std::int64_t nhwc;
  std::int64_t aligned;
};

struct RoiPoolOptions {
  float spatial_scale;
  std::int64_t height;
  std::int64_t width;
};

/** Image of a region with `columns` numbers; -1 when it is none of `images`. */
CORTADO_INLINE std::int64_t roi_image(const float* roi, std::int64_t columns, std::int64_t images) {
  if (columns == 4) return images > 0 ? 0 : -1;
  return roi[0] > -1.0f && roi[0] < static_cast<float>(images) ? static_cast<std::int64_t>(roi[0]) : -1;
}

/** y = the regions [count][5], if every one of them names one of the images. In place is allowed. */
inline cortado_status check_regions(Part, std::int64_t count, std::int64_t images, const float* rois, float* y) {
  for (std::int64_t r = 0; r < count; r++) {
    if (roi_image(rois + r * 5, 5, images) < 0) return CORTADO_INDEX_OUT_OF_RANGE;
  }
  for (std::int64_t i = 0; i < count * 5; i++) y[i] = rois[i];
  return CORTADO_OK;
}

/** Neighbours of a coordinate and the share of the higher one. Outside [-1, size] there are none: low = -1. */
struct RoiNeighbours {
  std::int64_t low;
  std::int64_t high;
  float share;
};

CORTADO_INLINE RoiNeighbours roi_neighbours(float at, std::int64_t size) {
  if (!(at >= -1.0f && at <= static_cast<float>(size))) return RoiNeighbours{-1, -1, 0.0f};
  const float clamped = at > 0.0f ? at : 0.0f;
  const std::int64_t low = static_cast<std::int64_t>(clamped);
  if (low >= size - 1) return RoiNeighbours{size - 1, size - 1, 0.0f};
  return RoiNeighbours{low, low + 1, clamped - static_cast<float>(low)};
}

/** Samples for a cell of `bin` pixels; unreasonable sizes (NaN, beyond 2^20) give none. */
CORTADO_INLINE std::int64_t roi_samples(std::int64_t wanted, float bin) {
  if (wanted > 0) return wanted;
  const float up = __builtin_ceilf(bin);
  return up > 0.0f && up < 1048576.0f ? static_cast<std::int64_t>(up) : 0;
}

/** d: n, c, h, w of x, regions, numbers of a region (4 or 5). y [r][c][height][width], or [r][height][width][c]. */
CORTADO_NOINLINE inline cortado_status roi_align(Part part, const float* x, const float* rois, float* y, const Dims<6>& d,
                                                 const RoiAlignOptions& options) {
  const std::int64_t c = d.d[1], h = d.d[2], w = d.d[3], columns = d.d[5];
  const bool nhwc = options.nhwc != 0;
  const std::int64_t channel_stride = nhwc ? 1 : h * w;
  const std::int64_t pixel_stride = nhwc ? c : 1;
  const std::int64_t cells = options.height * options.width;
  const std::int64_t out_channel = nhwc ? 1 : cells;
  const std::int64_t out_cell = nhwc ? c : 1;
  const Range range = share_of(part, d.d[4]);
  for (std::int64_t r = range.begin; r < range.end; r++) {
    const float* roi = rois + r * columns;
    const std::int64_t image = roi_image(roi, columns, d.d[0]);
    if (image < 0) return CORTADO_INDEX_OUT_OF_RANGE;
    const float* corner = roi + (columns - 4);
    const float shift = options.aligned != 0 ? 0.5f : 0.0f;
    const float start_x = corner[0] * options.spatial_scale - shift;
    const float start_y = corner[1] * options.spatial_scale - shift;
    float roi_width = corner[2] * options.spatial_scale - shift - start_x;
    float roi_height = corner[3] * options.spatial_scale - shift - start_y;
    if (options.aligned == 0) {
      roi_width = roi_width > 1.0f ? roi_width : 1.0f;
      roi_height = roi_height > 1.0f ? roi_height : 1.0f;
    }
    const float bin_h = roi_height / static_cast<float>(options.height);
    const float bin_w = roi_width / static_cast<float>(options.width);
    const std::int64_t rows = roi_samples(options.sampling, bin_h);
    const std::int64_t cols = roi_samples(options.sampling, bin_w);
    const float count = static_cast<float>(rows * cols);
    const float* source = x + image * c * h * w;
    for (std::int64_t cell = 0; cell < cells; cell++) {
      float* to = y + r * c * cells + cell * out_cell;
      for (std::int64_t k = 0; k < c; k++) to[k * out_channel] = 0.0f;
      const float cell_y = start_y + static_cast<float>(cell / options.width) * bin_h;
      const float cell_x = start_x + static_cast<float>(cell % options.width) * bin_w;
      for (std::int64_t iy = 0; iy < rows; iy++) {
        const float at_y = cell_y + (static_cast<float>(iy) + 0.5f) * bin_h / static_cast<float>(rows);
        const RoiNeighbours ny = roi_neighbours(at_y, h);
        if (ny.low < 0) continue;
        for (std::int64_t ix = 0; ix < cols; ix++) {
          const float at_x = cell_x + (static_cast<float>(ix) + 0.5f) * bin_w / static_cast<float>(cols);
          const RoiNeighbours nx = roi_neighbours(at_x, w);
          if (nx.low < 0) continue;
          const float w11 = ny.share * nx.share, w10 = ny.share * (1.0f - nx.share);
          const float w01 = (1.0f - ny.share) * nx.share, w00 = (1.0f - ny.share) * (1.0f - nx.share);
          const float* p00 = source + (ny.low * w + nx.low) * pixel_stride;
          const float* p01 = source + (ny.low * w + nx.high) * pixel_stride;
          const float* p10 = source + (ny.high * w + nx.low) * pixel_stride;
          const float* p11 = source + (ny.high * w + nx.high) * pixel_stride;
          for (std::int64_t k = 0; k < c; k++) {
            const std::int64_t at = k * channel_stride;
            to[k * out_channel] += w00 * p00[at] + w01 * p01[at] + w10 * p10[at] + w11 * p11[at];
          }
        }
      }
      for (std::int64_t k = 0; k < c; k++) to[k * out_channel] /= count;
    }
  }
  return CORTADO_OK;
}

/** C's round to an integer that is safe to add to: halves away from zero, huge values clipped. */
CORTADO_INLINE std::int64_t roi_round(float value) {
  const float limited = value > -1e9f ? (value < 1e9f ? value : 1e9f) : -1e9f;
  return static_cast<std::int64_t>(limited < 0.0f ? limited - 0.5f : limited + 0.5f);
}

CORTADO_INLINE std::int64_t roi_clamp(std::int64_t at, std::int64_t size) { return max_of(min_of(at, size), 0); }

/** d: n, c, h, w of x, regions. Maximum over each cell, 0 for an empty one. */
CORTADO_NOINLINE inline cortado_status roi_pool(Part part, const float* x, const float* rois, float* y, const Dims<5>& d,
                                                const RoiPoolOptions& options) {
  const std::int64_t c = d.d[1], h = d.d[2], w = d.d[3];
  const Range range = share_of(part, d.d[4]);
  for (std::int64_t r = range.begin; r < range.end; r++) {
    const float* roi = rois + r * 5;
    const std::int64_t image = roi_image(roi, 5, d.d[0]);
    if (image < 0) return CORTADO_INDEX_OUT_OF_RANGE;
    const std::int64_t x1 = roi_round(roi[1] * options.spatial_scale);
    const std::int64_t y1 = roi_round(roi[2] * options.spatial_scale);
    const std::int64_t roi_w = max_of(roi_round(roi[3] * options.spatial_scale) - x1 + 1, 1);
    const std::int64_t roi_h = max_of(roi_round(roi[4] * options.spatial_scale) - y1 + 1, 1);
    const float bin_h = static_cast<float>(roi_h) / static_cast<float>(options.height);
    const float bin_w = static_cast<float>(roi_w) / static_cast<float>(options.width);
    for (std::int64_t k = 0; k < c; k++) {
      const float* plane = x + (image * c + k) * h * w;
      for (std::int64_t ph = 0; ph < options.height; ph++) {
        const float low_h = __builtin_floorf(static_cast<float>(ph) * bin_h);
        const float high_h = __builtin_ceilf(static_cast<float>(ph + 1) * bin_h);
        const std::int64_t begin_h = roi_clamp(static_cast<std::int64_t>(low_h) + y1, h);
        const std::int64_t end_h = roi_clamp(static_cast<std::int64_t>(high_h) + y1, h);
        for (std::int64_t pw = 0; pw < options.width; pw++) {
          const float low_w = __builtin_floorf(static_cast<float>(pw) * bin_w);
          const float high_w = __builtin_ceilf(static_cast<float>(pw + 1) * bin_w);
          const std::int64_t begin_w = roi_clamp(static_cast<std::int64_t>(low_w) + x1, w);
          const std::int64_t end_w = roi_clamp(static_cast<std::int64_t>(high_w) + x1, w);
          const bool empty = end_h <= begin_h || end_w <= begin_w;
          float best = empty ? 0.0f : plane[begin_h * w + begin_w];
          for (std::int64_t i = begin_h; i < end_h; i++) {
            for (std::int64_t j = begin_w; j < end_w; j++) {
              if (plane[i * w + j] > best) best = plane[i * w + j];
            }
          }
          y[((r * c + k) * options.height + ph) * options.width + pw] = best;
        }
      }
    }
  }
  return CORTADO_OK;
}

}  // namespace cortado
