// Softmax over the columns of a plain [rows, cols] matrix, the row's maximum subtracted first. In place is allowed.
#pragma once

#include "cortado/math.h"

namespace cortado {

/** y[r, c] = e^(x[r, c] − max) / Σ. Parts split the rows; with one row there is nothing to split. */
inline void softmax(Part part, std::int64_t rows, std::int64_t cols, const float* x, float* y) {
  using F = Vec<float, kFloatLanes>;
  constexpr int W = kFloatLanes;
  const Range share = share_of(part, rows);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    const float* from = x + row * cols;
    float* to = y + row * cols;
    float largest = from[0];
    std::int64_t c = 0;
    if (cols >= W) {
      F lanes = load<F>(from);
      for (c = W; c + W <= cols; c += W) lanes = max(lanes, load<F>(from + c));
      largest = max_lanes(lanes);
    }
    for (; c < cols; ++c) largest = max(largest, from[c]);
    F sums{};
    for (c = 0; c + W <= cols; c += W) {
      const F e = exp(load<F>(from + c) - splat<F>(largest));
      sums = sums + e;
      store(to + c, e);
    }
    float sum = sum_lanes(sums);
    for (; c < cols; ++c) {
      to[c] = exp(from[c] - largest);
      sum += to[c];
    }
    for (c = 0; c + W <= cols; c += W) store(to + c, load<F>(to + c) / splat<F>(sum));
    for (; c < cols; ++c) to[c] /= sum;
  }
}

}  // namespace cortado
