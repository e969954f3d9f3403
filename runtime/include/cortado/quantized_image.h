// Image kernels over [n][h][w][c] bytes: nearest neighbours, regions of interest.
#pragma once

#include <cstdint>
#include <cstring>

#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/quantized.h"
#include "cortado/roi.h"

namespace cortado {

/** Axis 0 is height, 1 width. */
struct ByteImageDims {
  std::int64_t channels;
  std::int64_t in[2];
  std::int64_t out[2];
  float scale[2];
};

CORTADO_INLINE std::int64_t nearest_byte_source(const ByteImageDims& d, int axis, std::int64_t at) {
  return min_of(static_cast<std::int64_t>(static_cast<float>(at) / d.scale[axis]), d.in[axis] - 1);
}

/** y[i] = x[min(trunc(i / scale), in - 1)] for rows and columns. */
inline void resize_nearest_bytes(Part part, std::int64_t n, const ByteImageDims& d, const std::uint8_t* x, std::uint8_t* y) {
  const Range share = share_of(part, n * d.out[0]);
  const std::size_t bytes = static_cast<std::size_t>(d.channels);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    const std::uint8_t* image = x + row / d.out[0] * d.in[0] * d.in[1] * d.channels;
    const std::uint8_t* from = image + nearest_byte_source(d, 0, row % d.out[0]) * d.in[1] * d.channels;
    std::uint8_t* to = y + row * d.out[1] * d.channels;
    for (std::int64_t j = 0; j < d.out[1]; ++j, to += d.channels) {
      std::memcpy(to, from + nearest_byte_source(d, 1, j) * d.channels, bytes);
    }
  }
}

struct QuantizedRoiOptions {
  float spatial_scale;
  std::int64_t height;
  std::int64_t width;
  std::int64_t sampling; /* <= 0: as many samples as the cell has pixels */
  float factor;          /* scale of x / scale of y */
  std::int32_t x_zero;
  std::int32_t y_zero;
  std::int32_t low;
  std::int32_t high;
};

/** A factor in (0, 1) as multiplier * 2^-31 * 2^-shift, the mantissa rounded to 31 bits; below 2^-31 it counts as that. */
struct RoundedFactor {
  std::int32_t multiplier;
  std::int32_t shift;
};

CORTADO_INLINE RoundedFactor rounded_factor(double factor) {
  double mantissa = factor > 4.656612873077393e-10 ? factor : 4.656612873077393e-10;
  std::int32_t shift = 0;
  for (; mantissa < 0.5; ++shift) mantissa *= 2.0;
  std::int64_t multiplier = static_cast<std::int64_t>(mantissa * 2147483648.0 + 0.5);
  if (multiplier >= 2147483648 && shift > 0) return RoundedFactor{1 << 30, shift - 1};
  if (multiplier >= 2147483648) multiplier = 2147483647;
  return RoundedFactor{static_cast<std::int32_t>(multiplier), shift};
}

/** A weight in [0, 1] in steps of 1/255. */
CORTADO_INLINE std::int32_t byte_weight(float a, float b) { return nearest_even_int(a * b * 255.0f); }

/** One region along one axis. */
struct RoiAxis {
  float start;
  float bin;
  std::int64_t samples;

  CORTADO_INLINE RoiNeighbours at(std::int64_t cell, std::int64_t i, std::int64_t size) const {
    const float from = start + static_cast<float>(cell) * bin;
    return roi_neighbours(from + (static_cast<float>(i) + 0.5f) * bin / static_cast<float>(samples), size);
  }
};

CORTADO_INLINE RoiAxis roi_axis(float low, float high, const QuantizedRoiOptions& options, std::int64_t cells) {
  const float start = low * options.spatial_scale;
  const float size = high * options.spatial_scale - start;
  const float bin = (size > 1.0f ? size : 1.0f) / static_cast<float>(cells);
  return RoiAxis{start, bin, roi_samples(options.sampling, bin)};
}

/** d: n, h, w, c of x, regions, numbers of a region (4 or 5). y [r][height][width][c]. */
CORTADO_NOINLINE inline cortado_status quantized_roi_align(Part part, const std::uint8_t* x, const float* rois, std::uint8_t* y,
                                                           const Dims<6>& d, const QuantizedRoiOptions& options) {
  constexpr int kLanes = 64;
  const std::int64_t h = d.d[1], w = d.d[2], c = d.d[3], columns = d.d[5];
  const Range share = share_of(part, d.d[4]);
  for (std::int64_t r = share.begin; r < share.end; ++r) {
    const float* corner = rois + (r + 1) * columns - 4;
    const std::int64_t image = roi_image(rois + r * columns, columns, d.d[0]);
    if (image < 0) return CORTADO_INDEX_OUT_OF_RANGE;
    const RoiAxis rows = roi_axis(corner[1], corner[3], options, options.height);
    const RoiAxis cols = roi_axis(corner[0], corner[2], options, options.width);
    const std::int64_t samples = rows.samples * cols.samples;
    const double steps = 255.0 * static_cast<double>(samples);
    const RoundedFactor to = rounded_factor(samples == 0 ? 0.0 : static_cast<double>(options.factor) / steps);
    for (std::int64_t cell = 0; cell < options.height * options.width; ++cell) {
      std::uint8_t* result = y + (r * options.height * options.width + cell) * c;
      for (std::int64_t first = 0; first < c; first += kLanes) {
        const std::int64_t lanes = min_of(kLanes, c - first);
        const std::uint8_t* from = x + image * h * w * c + first;
        // Unsigned: a region of absurd size may wrap around, as the reference does.
        std::uint32_t sums[kLanes] = {};
        for (std::int64_t iy = 0; iy < rows.samples; ++iy) {
          const RoiNeighbours ny = rows.at(cell / options.width, iy, h);
          if (ny.low < 0) continue;
          for (std::int64_t ix = 0; ix < cols.samples; ++ix) {
            const RoiNeighbours nx = cols.at(cell % options.width, ix, w);
            if (nx.low < 0) continue;
            const std::int32_t w00 = byte_weight(1.0f - ny.share, 1.0f - nx.share), w01 = byte_weight(1.0f - ny.share, nx.share);
            const std::int32_t w10 = byte_weight(ny.share, 1.0f - nx.share), w11 = byte_weight(ny.share, nx.share);
            const std::int32_t zero = options.x_zero * (w00 + w01 + w10 + w11);
            const std::uint8_t* p00 = from + (ny.low * w + nx.low) * c;
            const std::uint8_t* p01 = from + (ny.low * w + nx.high) * c;
            const std::uint8_t* p10 = from + (ny.high * w + nx.low) * c;
            const std::uint8_t* p11 = from + (ny.high * w + nx.high) * c;
            for (std::int64_t k = 0; k < lanes; ++k) {
              sums[k] += static_cast<std::uint32_t>(w00 * p00[k] + w01 * p01[k] + w10 * p10[k] + w11 * p11[k] - zero);
            }
          }
        }
        for (std::int64_t k = 0; k < lanes; ++k) {
          const std::int32_t value = rounded_scale(static_cast<std::int32_t>(sums[k]), to.multiplier, to.shift);
          result[first + k] = clamp_byte(value + options.y_zero, options.low, options.high);
        }
      }
    }
  }
  return CORTADO_OK;
}

}  // namespace cortado
