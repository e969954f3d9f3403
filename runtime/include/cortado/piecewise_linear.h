// piecewise_linear: a curve of linear pieces for each column, or one for the last column of a two-class prediction. Parts
// share the rows.
#pragma once

#include <cstdint>

#include "cortado/part.h"

namespace cortado {

/** slope · x + intercept of the piece (lower, upper] that holds x; x is kept inside bounds [pieces + 1]. */
CORTADO_INLINE float piecewise_value(float x, const float* bounds, const float* slopes, const float* intercepts,
                                     std::int64_t pieces) {
  const float kept = x <= bounds[0] ? bounds[0] : x >= bounds[pieces] ? bounds[pieces] : x;
  std::int64_t piece = 0;
  while (piece + 1 < pieces && bounds[piece + 1] < kept) piece++;
  return slopes[piece] * kept + intercepts[piece];
}

/** x [rows][columns] -> y; curve c for column c, or (Binary) one for the last column, 1 − y for the one before it. */
template <bool Binary>
void piecewise_linear(Part part, const float* x, const float* bounds, const float* slopes, const float* intercepts, float* y,
                      std::int64_t rows, std::int64_t columns, std::int64_t pieces) {
  const Range range = share_of(part, rows);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    const float* from = x + i * columns;
    float* to = y + i * columns;
    if constexpr (Binary) {
      const float value = piecewise_value(from[columns - 1], bounds, slopes, intercepts, pieces);
      to[columns - 1] = value;
      if (columns == 2) to[0] = 1.0f - value;
    } else {
      for (std::int64_t c = 0; c < columns; c++) {
        to[c] = piecewise_value(from[c], bounds + c * (pieces + 1), slopes + c * pieces, intercepts + c * pieces, pieces);
      }
    }
  }
}

}  // namespace cortado
