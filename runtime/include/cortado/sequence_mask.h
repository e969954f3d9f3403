// sequence_mask: overwrites what lies outside a sequence, a window or a triangle of every row.
#pragma once

#include <cstdint>

#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

/** Overwritten columns: from the length on; outside the window; above, below, with or without the diagonal. */
enum class MaskMode { kSequence, kWindow, kUpper, kLower, kUpperdiag, kLowerdiag };

template <MaskMode M>
CORTADO_INLINE bool is_masked(std::int64_t row, std::int64_t column, std::int64_t at, std::int64_t radius) {
  switch (M) {
    case MaskMode::kSequence: return column >= at;
    case MaskMode::kWindow: return column < at - radius || column > at + radius;
    case MaskMode::kUpper: return column > row;
    case MaskMode::kLower: return column < row;
    case MaskMode::kUpperdiag: return column >= row;
    case MaskMode::kLowerdiag: return column <= row;
  }
  return false;
}

/**
 * x, y: `count` floats as [batches][rows][columns][shared]; plane: rows, columns * shared, shared; at: one for each row,
 * or null.
 */
template <MaskMode M, class Place>
void sequence_mask(Part part, const float* x, const Place* at, float* y, std::int64_t count, const Dims<3>& plane,
                   std::int64_t radius, float fill) {
  const Range range = share_of(part, count);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    const std::int64_t row = i / plane.d[1] % plane.d[0];
    const std::int64_t place = at == nullptr ? 0 : static_cast<std::int64_t>(at[row]);
    const std::int64_t column = i % plane.d[1] / plane.d[2];
    y[i] = is_masked<M>(row, column, place, radius) ? fill : x[i];
  }
}

}  // namespace cortado
