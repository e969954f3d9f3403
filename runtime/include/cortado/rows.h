// Rows of a tensor picked at a position known only at run time: what the steps of a loop read and write. A position out of
// range is a fault; nothing is read or written for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

/** y = rows [*at + offset, + window) of x [rows][inner]. */
template <class T, class Index>
cortado_status read_rows(Part part, const T* x, const Index* at, T* y, std::int64_t rows, std::int64_t inner,
                         std::int64_t offset, std::int64_t window) {
  const std::int64_t first = static_cast<std::int64_t>(*at) + offset;
  if (first < 0 || first + window > rows) return CORTADO_INDEX_OUT_OF_RANGE;
  const Range range = share_of(part, window * inner);
  if (range.end > range.begin) {
    std::memcpy(y + range.begin, x + first * inner + range.begin,
                static_cast<std::size_t>(range.end - range.begin) * sizeof(T));
  }
  return CORTADO_OK;
}

/** y = x [rows][inner], but `values` [window][inner] from row *at + offset on; y may be x. */
template <class T, class Index>
cortado_status write_rows(Part part, const T* x, const T* values, const Index* at, T* y, std::int64_t rows,
                          std::int64_t inner, std::int64_t offset, std::int64_t window) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t first = static_cast<std::int64_t>(*at) + offset;
  if (first < 0 || first + window > rows) return CORTADO_INDEX_OUT_OF_RANGE;
  if (x != y && rows * inner > 0) std::memcpy(y, x, static_cast<std::size_t>(rows * inner) * sizeof(T));
  if (window * inner > 0) std::memcpy(y + first * inner, values, static_cast<std::size_t>(window * inner) * sizeof(T));
  return CORTADO_OK;
}

/** y [rows][inner] = x [count], over and over up to `filled` elements, then zeros. */
template <class T>
void grow_rows(Part part, const T* x, T* y, std::int64_t count, std::int64_t filled, std::int64_t total) {
  if (part.index != 0) return;
  for (std::int64_t at = 0; count > 0 && at + count <= filled; at += count) {
    std::memcpy(y + at, x, static_cast<std::size_t>(count) * sizeof(T));
  }
  if (total > filled) std::memset(y + filled, 0, static_cast<std::size_t>(total - filled) * sizeof(T));
}

/** y = the first *count rows of x; *found = their number, which the caller checks against its bound. */
template <class T, class Index>
cortado_status first_rows(Part part, const T* x, const Index* count, T* y, std::int64_t* found, std::int64_t rows,
                          std::int64_t inner) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t wanted = static_cast<std::int64_t>(*count);
  if (wanted < 0 || wanted > rows) return CORTADO_INDEX_OUT_OF_RANGE;
  if (found != nullptr) *found = wanted;
  if (wanted * inner > 0) std::memcpy(y, x, static_cast<std::size_t>(wanted * inner) * sizeof(T));
  return CORTADO_OK;
}

}  // namespace cortado
