// Matrix products for any size, plain tensors, no packing and no scratch: the fallback where gemm.h does not apply, and
// the batched product. Rows of y are made one after another; the inner loop runs over memory order of b.
#pragma once

#include "cortado/epilogue.h"
#include "cortado/kernel_dims.h"
#include "cortado/part.h"

namespace cortado {

/** One row of a product before the epilogue. */
inline void matmul_generic_row(const BatchMatmulDims& d, const float* a, const float* b, std::int64_t row, float* y) {
  const std::int64_t row_stride = d.trans_a ? 1 : d.k;
  const std::int64_t k_stride = d.trans_a ? d.m : 1;
  const float* from = a + row * row_stride;
  if (d.trans_b) {
    for (std::int64_t col = 0; col < d.n; ++col) {
      // Four sums: short chains of additions, and less rounding.
      float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      const float* other = b + col * d.k;
      for (std::int64_t i = 0; i < d.k; ++i) sums[i & 3] += from[i * k_stride] * other[i];
      y[col] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
    return;
  }
  for (std::int64_t col = 0; col < d.n; ++col) y[col] = 0.0f;
  for (std::int64_t i = 0; i < d.k; ++i) {
    const float value = from[i * k_stride];
    const float* other = b + i * d.n;
    for (std::int64_t col = 0; col < d.n; ++col) y[col] += value * other[col];
  }
}

/** y = ep(a · b); the epilogue's channel is the column. Parts split the rows of all products. */
template <class Ep>
void matmul_generic(Part part, const BatchMatmulDims& d, const float* a, const float* b, float* y, const Ep& ep) {
  const Range share = share_of(part, d.batch * d.m);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t product = item / d.m;
    const float* left = a + product % d.a_batch * d.m * d.k;
    const float* right = b + product % d.b_batch * d.k * d.n;
    float* row = y + item * d.n;
    matmul_generic_row(d, left, right, item % d.m, row);
    for (std::int64_t col = 0; col < d.n; ++col) row[col] = finish<float, PixelLanes>(ep, row[col], col, item * d.n + col);
  }
}

}  // namespace cortado
