// Pooling with the p-norm of each window, plain tensors: (Σ |x|^p)^(1/p) over the elements inside the image.
#pragma once

#include <cmath>

#include "cortado/pool.h"

namespace cortado {

/** y = Lp pool of x; extents as in pool_generic. Parts split the planes. */
inline void lp_pool(Part part, std::int64_t n, const PoolDims& d, float p, const float* x, float* y) {
  const Range share = share_of(part, n * d.channels);
  for (std::int64_t plane = share.begin; plane < share.end; ++plane) {
    const float* plane_x = x + plane * d.in[0] * d.in[1] * d.in[2];
    std::int64_t to = plane * d.out[0] * d.out[1] * d.out[2];
    for (std::int64_t od = 0; od < d.out[0]; ++od) {
      const Range depth = clip_window(od, d.stride[0], d.pad[0], d.kernel[0], d.in[0]);
      for (std::int64_t oh = 0; oh < d.out[1]; ++oh) {
        const Range rows = clip_window(oh, d.stride[1], d.pad[1], d.kernel[1], d.in[1]);
        for (std::int64_t ow = 0; ow < d.out[2]; ++ow, ++to) {
          const Range cols = clip_window(ow, d.stride[2], d.pad[2], d.kernel[2], d.in[2]);
          float sum = 0.0f;
          for (std::int64_t z = depth.begin; z < depth.end; ++z) {
            for (std::int64_t r = rows.begin; r < rows.end; ++r) {
              const float* row = plane_x + (z * d.in[1] + r) * d.in[2];
              for (std::int64_t c = cols.begin; c < cols.end; ++c) sum += ::powf(__builtin_fabsf(row[c]), p);
            }
          }
          y[to] = ::powf(sum, 1.0f / p);
        }
      }
    }
  }
}

}  // namespace cortado
