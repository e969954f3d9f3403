// Softmax of rows of bytes from a table of exponentials, in integers.
#pragma once

#include <cstdint>

#include "cortado/part.h"

namespace cortado {

/** y = min((256 t + sum / 2) / sum, 255), t = table[x + 255 - max of the row]. x, y [rows][columns]. */
CORTADO_NOINLINE inline void quantized_softmax(Part part, std::int64_t rows, std::int64_t columns, const std::uint8_t* x,
                                               const std::int32_t* table, std::uint8_t* y) {
  const Range share = share_of(part, rows);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    const std::uint8_t* from = x + row * columns;
    std::uint8_t* to = y + row * columns;
    std::uint8_t largest = 0;
    for (std::int64_t c = 0; c < columns; ++c) largest = from[c] > largest ? from[c] : largest;
    const std::int32_t* terms = table + (255 - largest);
    std::int64_t sum = 0;
    for (std::int64_t c = 0; c < columns; ++c) sum += terms[from[c]];
    for (std::int64_t c = 0; c < columns; ++c) {
      const std::int64_t share_of_sum = (static_cast<std::int64_t>(terms[from[c]]) * 256 + sum / 2) / sum;
      to[c] = static_cast<std::uint8_t>(share_of_sum > 255 ? 255 : share_of_sum);
    }
  }
}

}  // namespace cortado
