// position_encoding: sines of a position over a geometric series of periods, in float as Caffe2 computes them. Parts share
// the rows. Position 0 gives NaN in all but the last place: its logarithm is −inf.
#pragma once

#include <cmath>
#include <cstdint>

#include "cortado/part.h"

namespace cortado {

/** positions [rows][each], the first of a row counts -> y [rows][each][size]. */
template <class Index>
void position_encoding(Part part, const Index* positions, float* y, std::int64_t rows, std::int64_t each,
                       std::int64_t size, float alpha, float amplitude) {
  const Range range = share_of(part, rows);
  const float shrink = std::log(alpha) * (static_cast<float>(size - 1) / static_cast<float>(size));
  for (std::int64_t i = range.begin; i < range.end && each != 0; i++) {
    const float first = std::log(static_cast<float>(positions[i * each]));
    const float last = first - shrink;
    const float step = size == 1 ? 0.0f : (last - first) / static_cast<float>(size - 1);
    float* row = y + i * each * size;
    for (std::int64_t k = 0; k < size; k++) {
      const float exponent = size > 1 && k == size - 1 ? last : first + static_cast<float>(k) * step;
      const float angle = std::exp(exponent) + (k % 2 == 1 ? 1.57079632679489662f : 0.0f);
      row[k] = amplitude * std::sin(angle);
    }
    for (std::int64_t j = 1; j < each; j++) {
      for (std::int64_t k = 0; k < size; k++) row[j * size + k] = row[k];
    }
  }
}

}  // namespace cortado
