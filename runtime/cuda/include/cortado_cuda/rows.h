// Operators on rows of row-major matrices: softmax, layer normalization. One block for each row; its threads walk the columns.
#pragma once

#include "cortado_cuda/block_reduce.h"
#include "cortado_cuda/expression.h"

namespace cortado::cuda {

inline constexpr int kRowThreads = 256;

struct AddDoubles {
  CORTADO_DEVICE double operator()(double a, double b) const { return a + b; }
};

static __global__ void softmax_kernel(std::int64_t cols, const float* x, float* y) {
  begin_kernel();
  const float* from = x + static_cast<std::int64_t>(blockIdx.x) * cols;
  float* to = y + static_cast<std::int64_t>(blockIdx.x) * cols;
  float largest = from[0];
  for (std::int64_t c = threadIdx.x; c < cols; c += kRowThreads) largest = max(largest, from[c]);
  largest = block_max<kRowThreads>(largest);
  float sum = 0.0f;
  for (std::int64_t c = threadIdx.x; c < cols; c += kRowThreads) {
    const float power = exp(from[c] - largest);
    to[c] = power;
    sum += power;
  }
  sum = block_sum<kRowThreads>(sum);
  for (std::int64_t c = threadIdx.x; c < cols; c += kRowThreads) to[c] = to[c] / sum;
}

/** y[r, c] = e^(x[r, c] − max) / Σ. In place is allowed. */
inline void softmax(cudaStream_t stream, std::int64_t rows, std::int64_t cols, const float* x, float* y) {
  launch(softmax_kernel, dim3(static_cast<unsigned>(rows)), dim3(kRowThreads), 0, stream, cols, x, y);
}

static __global__ void layer_norm_kernel(std::int64_t cols, float epsilon, const float* x, const float* gamma, const float* beta, float* y, float* mean,
                                         float* stdev) {
  begin_kernel();
  const std::int64_t row = blockIdx.x;
  const float* from = x + row * cols;
  double sum = 0.0, squares = 0.0;
  for (std::int64_t c = threadIdx.x; c < cols; c += kRowThreads) {
    const double value = static_cast<double>(from[c]);
    sum += value;
    squares += value * value;
  }
  const double middle = block_combine<kRowThreads>(sum, AddDoubles{}) / static_cast<double>(cols);
  const double variance = block_combine<kRowThreads>(squares, AddDoubles{}) / static_cast<double>(cols) - middle * middle;
  const double deviation = sqrt(variance + static_cast<double>(epsilon));
  const float center = static_cast<float>(middle), factor = static_cast<float>(1.0 / deviation);
  for (std::int64_t c = threadIdx.x; c < cols; c += kRowThreads) {
    const float scaled = (from[c] - center) * factor;
    y[row * cols + c] = (gamma == nullptr ? scaled : scaled * gamma[c]) + (beta == nullptr ? 0.0f : beta[c]);
  }
  if (threadIdx.x != 0) return;
  if (mean != nullptr) mean[row] = center;
  if (stdev != nullptr) stdev[row] = static_cast<float>(deviation);
}

/** y = (x − mean) / stdev · gamma + beta per row, sums in double as on the host; null pointers are left out. */
inline void layer_norm(cudaStream_t stream, std::int64_t rows, std::int64_t cols, float epsilon, const float* x, const float* gamma, const float* beta,
                       float* y, float* mean, float* stdev) {
  launch(layer_norm_kernel, dim3(static_cast<unsigned>(rows)), dim3(kRowThreads), 0, stream, cols, epsilon, x, gamma, beta, y, mean, stdev);
}

}  // namespace cortado::cuda
