// Four toy kernels for the example net: enough to show parts, faults and sizes known only after running.
#pragma once

#include <cstdint>

#include "cortado/model.h"

namespace cortado {

inline std::int64_t part_begin(Part part, std::int64_t n) { return n * part.index / part.count; }

// y[r][c] = x[r][c] * scale[c] + noise[c]
inline void add_scaled(Part part, std::int64_t rows, std::int64_t columns, const float* x, const float* scale,
                       const float* noise, float* y) {
  const Part next{part.index + 1, part.count};
  for (std::int64_t r = part_begin(part, rows); r < part_begin(next, rows); ++r)
    for (std::int64_t c = 0; c < columns; ++c) y[r * columns + c] = x[r * columns + c] * scale[c] + noise[c];
}

inline void relu(Part part, std::int64_t n, const float* x, float* y) {
  const Part next{part.index + 1, part.count};
  for (std::int64_t i = part_begin(part, n); i < part_begin(next, n); ++i) y[i] = x[i] > 0.0f ? x[i] : 0.0f;
}

// y[i] = x[index[i]]
inline void gather_rows(RunContext& run, Part, std::int64_t rows, std::int64_t n, std::int64_t columns, const float* x,
                        const std::int64_t* index, float* y) {
  for (std::int64_t i = 0; i < n; ++i) {
    if (index[i] < 0 || index[i] >= rows) return run.check(CORTADO_INDEX_OUT_OF_RANGE, index[i], 0, rows - 1);
    for (std::int64_t c = 0; c < columns; ++c) y[i * columns + c] = x[index[i] * columns + c];
  }
}

// Copies the rows whose first element is positive, at most `limit`; returns how many there are.
inline std::int64_t keep_rows(Part, std::int64_t rows, std::int64_t limit, std::int64_t columns, const float* x, float* y) {
  std::int64_t kept = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    if (!(x[r * columns] > 0.0f)) continue;
    if (kept < limit)
      for (std::int64_t c = 0; c < columns; ++c) y[kept * columns + c] = x[r * columns + c];
    ++kept;
  }
  return kept;
}

}  // namespace cortado
