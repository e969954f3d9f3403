// Rows put before and behind each sequence, taken away or summed. All of it is the work of part 0. `lengths` may be null:
// one sequence of all rows. d: sequences, rows, inner, start, end.
#pragma once

#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/pack_segments.h"
#include "cortado/part.h"

namespace cortado {

/** Calls body(s, first row, length) for each sequence; `least` rows each, all within the data. */
template <class Body>
CORTADO_INLINE cortado_status for_each_sequence(const std::int32_t* lengths, const Dims<5>& d, std::int64_t least,
                                                const Body& body) {
  std::int64_t first = 0;
  for (std::int64_t s = 0; s < d.d[0]; s++) {
    const std::int64_t length = lengths == nullptr ? d.d[1] : lengths[s];
    if (length < least || length > d.d[1] - first) return CORTADO_LENGTHS_MISMATCH;
    body(s, first, length);
    first += length;
  }
  return CORTADO_OK;
}

/** `count` copies of `row` (null: zeros) to y. */
template <class T>
CORTADO_INLINE T* put_rows(const T* row, T* y, std::int64_t count, std::int64_t inner) {
  for (std::int64_t i = 0; i < count; i++, y += inner) {
    for (std::int64_t k = 0; k < inner; k++) y[k] = row == nullptr ? T{0} : row[k];
  }
  return y;
}

template <class T>
cortado_status add_padding(Part part, const T* x, const std::int32_t* lengths, const T* before, const T* behind, T* y,
                           std::int32_t* new_lengths, const Dims<5>& d) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t inner = d.d[2];
  T* to = y;
  const cortado_status status = for_each_sequence(lengths, d, 0, [&](std::int64_t s, std::int64_t first, std::int64_t length) {
    if (new_lengths != nullptr) new_lengths[s] = static_cast<std::int32_t>(length + d.d[3] + d.d[4]);
    if (y == nullptr) return;
    to = put_rows(before, to, d.d[3], inner);
    copy_row(x + first * inner, to, length * inner);
    to = put_rows(behind, to + length * inner, d.d[4], inner);
  });
  if (status != CORTADO_OK || y == nullptr) return status;
  // Rows behind the last sequence have no place: what is left of y is 0.
  T* const end = y + (d.d[1] + d.d[0] * (d.d[3] + d.d[4])) * inner;
  while (to != end) *to++ = T{0};
  return CORTADO_OK;
}

template <class T>
cortado_status remove_padding(Part part, const T* x, const std::int32_t* lengths, T* y, std::int32_t* new_lengths,
                              const Dims<5>& d) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t inner = d.d[2], padding = d.d[3] + d.d[4];
  T* to = y;
  const cortado_status status =
      for_each_sequence(lengths, d, padding, [&](std::int64_t s, std::int64_t first, std::int64_t length) {
        if (new_lengths != nullptr) new_lengths[s] = static_cast<std::int32_t>(length - padding);
        if (y == nullptr) return;
        copy_row(x + (first + d.d[3]) * inner, to, (length - padding) * inner);
        to += (length - padding) * inner;
      });
  if (status != CORTADO_OK || y == nullptr) return status;
  T* const end = y + (d.d[1] - d.d[0] * padding) * inner;
  while (to < end) *to++ = T{0};
  return CORTADO_OK;
}

/** Sums of the padding rows: before and behind apart, or both in `before`. Each may be null. */
template <class T>
cortado_status gather_padding(Part part, const T* x, const std::int32_t* lengths, T* before, T* behind, const Dims<5>& d,
                              bool apart) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t inner = d.d[2];
  for (std::int64_t k = 0; k < inner; k++) {
    if (before != nullptr) before[k] = T{0};
    if (behind != nullptr) behind[k] = T{0};
  }
  const auto add = [&](T* sum, const T* row) {
    for (std::int64_t k = 0; k < inner && sum != nullptr; k++) sum[k] = static_cast<T>(sum[k] + row[k]);
  };
  return for_each_sequence(lengths, d, d.d[3] + d.d[4], [&](std::int64_t, std::int64_t first, std::int64_t length) {
    for (std::int64_t i = 0; i < d.d[3]; i++) add(before, x + (first + i) * inner);
    for (std::int64_t i = length - d.d[4]; i < length; i++) add(apart ? behind : before, x + (first + i) * inner);
  });
}

/** x [rows][inner] with a row of zeros for each empty sample -> y [at most bound][inner]. */
template <class T>
cortado_status pad_empty_samples(Part part, const std::int32_t* lengths, const T* x, T* y, std::int64_t* found,
                                 std::int64_t bound, std::int64_t samples, std::int64_t rows, std::int64_t inner) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t from = 0, to = 0;
  for (std::int64_t s = 0; s < samples; s++) {
    const std::int64_t length = lengths[s];
    if (length < 0 || length > rows - from) return CORTADO_LENGTHS_MISMATCH;
    if (max_of(length, 1) > bound - to) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    copy_row(x + from * inner, y + to * inner, length * inner);
    if (length == 0) put_rows<T>(nullptr, y + to * inner, 1, inner);
    from += length;
    to += max_of(length, 1);
  }
  if (from != rows) return CORTADO_LENGTHS_MISMATCH;
  if (found != nullptr) *found = to;
  return CORTADO_OK;
}

}  // namespace cortado
