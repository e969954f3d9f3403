// ngram: several columns of small whole numbers as one number.
#pragma once

#include <cmath>
#include <cstdint>

#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

/**
 * x [rows][width]; each of the N columns has a list of limits.d[k] values, one list after another in `values`.
 * y = sum of the place of round(x) in its list times the sizes of all lists before; what is in no list adds 0.
 */
template <int N, int V>
void ngram(Part part, const float* x, std::int32_t* y, const Dims<N>& columns, const Dims<N>& limits, const Dims<V>& values,
           std::int64_t rows, std::int64_t width) {
  const Range range = share_of(part, rows);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    std::int64_t sum = 0, base = 1, start = 0;
    for (int k = 0; k < N; k++) {
      const float rounded = std::round(x[i * width + columns.d[k]]);
      // No list holds what is no int; NaN compares false.
      const bool is_int = rounded >= -2147483648.0f && rounded < 2147483648.0f;
      const std::int64_t value = is_int ? static_cast<std::int64_t>(rounded) : std::int64_t{1} << 40;
      // From the end: the last of equal values counts.
      for (std::int64_t m = limits.d[k] - 1; m >= 0; m--) {
        if (values.d[start + m] != value) continue;
        sum += m * base;
        break;
      }
      start += limits.d[k];
      base *= limits.d[k];
    }
    y[i] = static_cast<std::int32_t>(sum);
  }
}

}  // namespace cortado
