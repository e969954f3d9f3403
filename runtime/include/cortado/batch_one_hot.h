// batch_one_hot, batch_bucket_one_hot: each column of a matrix expanded by its own values or buckets. Parts share the
// rows; each checks that the lengths add up.
#pragma once

#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

/** True when no length is negative and all add up to `total`. */
CORTADO_INLINE bool do_lengths_fit(const std::int32_t* lengths, std::int64_t count, std::int64_t total) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < count; i++) {
    if (lengths[i] < 0) return false;
    sum += lengths[i];
  }
  return sum == total;
}

/** x [rows][columns], values [count] split over the columns by lengths -> y [rows][count]. */
template <class T>
cortado_status batch_one_hot(Part part, const T* x, const std::int32_t* lengths, const T* values, T* y, std::int64_t rows,
                             std::int64_t columns, std::int64_t count) {
  if (!do_lengths_fit(lengths, columns, count)) return CORTADO_LENGTHS_MISMATCH;
  const Range range = share_of(part, rows);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    std::int64_t v = 0;
    for (std::int64_t c = 0; c < columns; c++) {
      for (std::int32_t k = 0; k < lengths[c]; k++, v++) y[i * count + v] = x[i * columns + c] == values[v] ? T{1} : T{0};
    }
  }
  return CORTADO_OK;
}

/** x [rows][columns], boundaries [count] split over the columns by lengths, none of them 0 -> y [rows][count + columns]. */
template <class T>
cortado_status batch_bucket_one_hot(Part part, const T* x, const std::int32_t* lengths, const T* boundaries, T* y,
                                    std::int64_t rows, std::int64_t columns, std::int64_t count) {
  if (!do_lengths_fit(lengths, columns, count)) return CORTADO_LENGTHS_MISMATCH;
  for (std::int64_t c = 0; c < columns; c++) {
    if (lengths[c] == 0) return CORTADO_LENGTHS_MISMATCH;
  }
  const Range range = share_of(part, rows);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    T* to = y + i * (count + columns);
    const T* own = boundaries;
    for (std::int64_t c = 0; c < columns; c++) {
      std::int32_t below = 0;
      for (std::int32_t k = 0; k < lengths[c]; k++) below += own[k] < x[i * columns + c] ? 1 : 0;
      for (std::int32_t k = 0; k <= lengths[c]; k++) to[k] = k == below ? T{1} : T{0};
      to += lengths[c] + 1;
      own += lengths[c];
    }
  }
  return CORTADO_OK;
}

}  // namespace cortado
