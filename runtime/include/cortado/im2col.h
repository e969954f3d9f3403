// The windows of an image side by side as channels, and their sum back into an image; plain tensors.
#pragma once

#include "cortado/part.h"

namespace cortado {

/** Extents of both; may be filled at run time. */
struct ColumnDims {
  std::int64_t channels;
  std::int64_t in[2];
  std::int64_t out[2];
  std::int64_t kernel[2];
  std::int64_t stride[2];
  std::int64_t pad[2];
  std::int64_t dilation[2];
};

/** x: [n][c][h][w] → y: [n][c · kh · kw][oh][ow], zeros outside the image. Parts split the planes of y. */
inline void im2col(Part part, std::int64_t n, const ColumnDims& d, const float* x, float* y) {
  const std::int64_t taps = d.kernel[0] * d.kernel[1];
  const Range share = share_of(part, n * d.channels * taps);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t kh = item % taps / d.kernel[1];
    const std::int64_t kw = item % d.kernel[1];
    const float* plane = x + item / taps * d.in[0] * d.in[1];
    float* to = y + item * d.out[0] * d.out[1];
    for (std::int64_t oh = 0; oh < d.out[0]; ++oh) {
      const std::int64_t ih = oh * d.stride[0] - d.pad[0] + kh * d.dilation[0];
      const bool row_inside = ih >= 0 && ih < d.in[0];
      for (std::int64_t ow = 0; ow < d.out[1]; ++ow) {
        const std::int64_t iw = ow * d.stride[1] - d.pad[1] + kw * d.dilation[1];
        *to++ = row_inside && iw >= 0 && iw < d.in[1] ? plane[ih * d.in[1] + iw] : 0.0f;
      }
    }
  }
}

/** x: [n][c · kh · kw][oh][ow] → y: [n][c][h][w], every entry added to its pixel. Parts split the planes of y. */
inline void col2im(Part part, std::int64_t n, const ColumnDims& d, const float* x, float* y) {
  const std::int64_t taps = d.kernel[0] * d.kernel[1];
  const Range share = share_of(part, n * d.channels);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    float* plane = y + item * d.in[0] * d.in[1];
    for (std::int64_t i = 0; i < d.in[0] * d.in[1]; ++i) plane[i] = 0.0f;
    const float* from = x + item * taps * d.out[0] * d.out[1];
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (std::int64_t oh = 0; oh < d.out[0]; ++oh) {
        const std::int64_t ih = oh * d.stride[0] - d.pad[0] + tap / d.kernel[1] * d.dilation[0];
        for (std::int64_t ow = 0; ow < d.out[1]; ++ow, ++from) {
          const std::int64_t iw = ow * d.stride[1] - d.pad[1] + tap % d.kernel[1] * d.dilation[1];
          if (ih >= 0 && ih < d.in[0] && iw >= 0 && iw < d.in[1]) plane[ih * d.in[1] + iw] += *from;
        }
      }
    }
  }
}

}  // namespace cortado
