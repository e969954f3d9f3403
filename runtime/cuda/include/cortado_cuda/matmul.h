// Products of row-major matrices whose weights are not known at compile time, batched: y[i] = ep(a[i % a_batch] · b[i % b_batch]). A block of
// 16 × 16 threads makes a tile of the result, one element each, from tiles in shared memory. Right for any size; conv2d_gemm is the fast one.
#pragma once

#include "cortado/kernel_dims.h"
#include "cortado_cuda/expression.h"

namespace cortado::cuda {

inline constexpr int kMatmulTile = 16;

template <class Ep>
__global__ void matmul_kernel(BatchMatmulDims d, std::int64_t first, const float* a, const float* b, float* y, Ep ep) {
  begin_kernel();
  __shared__ float left[kMatmulTile][kMatmulTile + 1];
  __shared__ float right[kMatmulTile][kMatmulTile + 1];
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y);
  const std::int64_t product = first + blockIdx.z;
  const std::int64_t row_tiles = ceil_div(d.m, kMatmulTile), tile = blockIdx.x;
  const std::int64_t row = tile % row_tiles * kMatmulTile + ty, col = tile / row_tiles * kMatmulTile + tx;
  const float* from_a = a + product % d.a_batch * d.m * d.k;
  const float* from_b = b + product % d.b_batch * d.k * d.n;
  float sum = 0.0f;
  for (std::int64_t k = 0; k < d.k; k += kMatmulTile) {
    left[ty][tx] = row < d.m && k + tx < d.k ? from_a[d.trans_a ? (k + tx) * d.m + row : row * d.k + k + tx] : 0.0f;
    right[ty][tx] = k + ty < d.k && col < d.n ? from_b[d.trans_b ? col * d.k + k + ty : (k + ty) * d.n + col] : 0.0f;
    __syncthreads();
    for (int i = 0; i < kMatmulTile; ++i) sum += left[ty][i] * right[i][tx];
    __syncthreads();
  }
  if (row >= d.m || col >= d.n) return;
  const std::int64_t at = (product * d.m + row) * d.n + col;
  y[at] = finish(ep, sum, col, at);
}

/** The epilogue's channel is the column. More than 65535 products are launched in turn. */
template <class Ep>
void matmul_generic(cudaStream_t stream, const BatchMatmulDims& d, const float* a, const float* b, float* y, const Ep& ep) {
  constexpr std::int64_t most = 65535;
  const std::int64_t tiles = ceil_div(d.m, kMatmulTile) * ceil_div(d.n, kMatmulTile);
  for (std::int64_t first = 0; first < d.batch; first += most) {
    const std::int64_t products = d.batch - first < most ? d.batch - first : most;
    const dim3 grid(static_cast<unsigned>(tiles), 1, static_cast<unsigned>(products));
    launch(matmul_kernel<Ep>, grid, dim3(kMatmulTile, kMatmulTile), 0, stream, d, first, a, b, y, ep);
  }
}

}  // namespace cortado::cuda
