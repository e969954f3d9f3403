// Products and distances of two tensors row by row, plain.
#pragma once

#include "cortado/part.h"

namespace cortado {

struct DotRows {
  static float apply(std::int64_t cols, const float* a, const float* b) {
    float sum = 0.0f;
    for (std::int64_t i = 0; i < cols; ++i) sum += a[i] * b[i];
    return sum;
  }
};

/** Squared norms below 1e-12 count as 1e-12. */
struct CosineRows {
  static float apply(std::int64_t cols, const float* a, const float* b) {
    const float least = 1e-12f;
    const float aa = DotRows::apply(cols, a, a);
    const float bb = DotRows::apply(cols, b, b);
    return DotRows::apply(cols, a, b) / __builtin_sqrtf((aa < least ? least : aa) * (bb < least ? least : bb));
  }
};

struct L1Rows {
  static float apply(std::int64_t cols, const float* a, const float* b) {
    float sum = 0.0f;
    for (std::int64_t i = 0; i < cols; ++i) sum += __builtin_fabsf(a[i] - b[i]);
    return sum;
  }
};

struct SquaredL2Rows {
  static float apply(std::int64_t cols, const float* a, const float* b) {
    float sum = 0.0f;
    for (std::int64_t i = 0; i < cols; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return 0.5f * sum;
  }
};

/** y[row] = Distance of row of a and row of b. Parts split the rows. */
template <class Distance>
void row_distance(Part part, std::int64_t rows, std::int64_t cols, const float* a, const float* b, float* y) {
  const Range share = share_of(part, rows);
  for (std::int64_t row = share.begin; row < share.end; ++row) y[row] = Distance::apply(cols, a + row * cols, b + row * cols);
}

/**
 * Dot products of rows of different length: the shorter row goes on with `pad`, or is repeated as often as it fits whole.
 * Parts split the rows.
 */
template <bool kReplicate>
void padded_dot_product(Part part, std::int64_t rows, std::int64_t a_cols, std::int64_t b_cols, float pad, const float* a,
                        const float* b, float* y) {
  const bool a_longer = a_cols > b_cols;
  const std::int64_t long_cols = a_longer ? a_cols : b_cols;
  const std::int64_t short_cols = a_longer ? b_cols : a_cols;
  const Range share = share_of(part, rows);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    const float* longer = (a_longer ? a : b) + row * long_cols;
    const float* shorter = (a_longer ? b : a) + row * short_cols;
    float sum = DotRows::apply(short_cols, longer, shorter);
    if (kReplicate) {
      for (std::int64_t at = short_cols; short_cols > 0 && at + short_cols <= long_cols; at += short_cols) {
        sum += DotRows::apply(short_cols, longer + at, shorter);
      }
    } else {
      float rest = 0.0f;
      for (std::int64_t i = short_cols; i < long_cols; ++i) rest += longer[i];
      sum += rest * pad;
    }
    y[row] = sum;
  }
}

}  // namespace cortado
