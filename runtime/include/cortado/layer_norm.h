// Layer normalization of rows, plain tensors. Mean and variance are summed in double: E[x²] − mean² cancels in float.
#pragma once

#include "cortado/part.h"

namespace cortado {

/**
 * y = (x − mean) / stdev · gamma + beta per row of `cols`, stdev = √(E[x²] − mean² + epsilon). gamma and beta `[cols]`, mean
 * and stdev `[rows]`: null where absent. Parts split the rows.
 */
inline void layer_norm(Part part, std::int64_t rows, std::int64_t cols, float epsilon, const float* x, const float* gamma,
                       const float* beta, float* y, float* mean, float* stdev) {
  const Range share = share_of(part, rows);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    const float* from = x + row * cols;
    float* to = y + row * cols;
    double sum = 0.0;
    double squares = 0.0;
    for (std::int64_t i = 0; i < cols; ++i) {
      const double value = static_cast<double>(from[i]);
      sum += value;
      squares += value * value;
    }
    const double middle = sum / static_cast<double>(cols);
    const double variance = squares / static_cast<double>(cols) - middle * middle;
    const double deviation = __builtin_sqrt(variance + static_cast<double>(epsilon));
    const float center = static_cast<float>(middle);
    const float factor = static_cast<float>(1.0 / deviation);
    for (std::int64_t i = 0; i < cols; ++i) {
      const float scaled = (from[i] - center) * factor;
      to[i] = (gamma == nullptr ? scaled : scaled * gamma[i]) + (beta == nullptr ? 0.0f : beta[i]);
    }
    if (mean != nullptr) mean[row] = center;
    if (stdev != nullptr) stdev[row] = static_cast<float>(deviation);
  }
}

}  // namespace cortado
