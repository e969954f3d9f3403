// Gated linear unit, plain tensors.
#pragma once

#include "cortado/math.h"
#include "cortado/part.h"

namespace cortado {

/** x: [outer][2][half], y: [outer][half]; y = x[0] · sigmoid(x[1]). Parts split the rows. */
inline void glu(Part part, std::int64_t outer, std::int64_t half, const float* x, float* y) {
  const Range share = share_of(part, outer);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    const float* value = x + row * 2 * half;
    const float* gate = value + half;
    float* to = y + row * half;
    for (std::int64_t i = 0; i < half; ++i) to[i] = value[i] * sigmoid(gate[i]);
  }
}

}  // namespace cortado
