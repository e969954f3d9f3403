// pack_segments, unpack_segments, arrange_sequences: sequences of rows in padded tables. Packing is the work of part 0,
// since where a sequence begins depends on all before it. Nothing is written beyond `bound` rows of a sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

template <class T>
CORTADO_INLINE void copy_row(const T* from, T* to, std::int64_t inner) {
  if (inner != 0) std::memcpy(to, from, static_cast<std::size_t>(inner) * sizeof(T));
}

/** data [rows][inner] -> y [sequences][longest][inner] or, time-major, [longest][sequences][inner]; mask and y may be null. */
template <bool TimeMajor, class Length, class T>
cortado_status pack_segments(Part part, const Length* lengths, const T* data, T* y, bool* mask, std::int64_t* found,
                             std::int64_t bound, std::int64_t sequences, std::int64_t rows, std::int64_t inner, T padding,
                             bool exact) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t longest = 0, total = 0;
  for (std::int64_t s = 0; s < sequences; s++) {
    const std::int64_t length = static_cast<std::int64_t>(lengths[s]);
    if (length < 0 || length > rows - total) return CORTADO_LENGTHS_MISMATCH;
    longest = max_of(longest, length);
    total += length;
  }
  if (exact && total != rows) return CORTADO_LENGTHS_MISMATCH;
  if (longest > bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
  std::int64_t from = 0;
  for (std::int64_t s = 0; s < sequences; s++) {
    const std::int64_t length = static_cast<std::int64_t>(lengths[s]);
    for (std::int64_t i = 0; i < longest; i++) {
      const std::int64_t at = TimeMajor ? i * sequences + s : s * longest + i;
      if (mask != nullptr) mask[at] = i < length;
      if (y == nullptr) continue;
      if (i < length) {
        copy_row(data + (from + i) * inner, y + at * inner, inner);
      } else {
        for (std::int64_t k = 0; k < inner; k++) y[at * inner + k] = padding;
      }
    }
    from += length;
  }
  if (found != nullptr) *found = longest;
  return CORTADO_OK;
}

/** The other way: y [sum of the lengths][inner]. */
template <bool TimeMajor, class Length, class T>
cortado_status unpack_segments(Part part, const Length* lengths, const T* data, T* y, std::int64_t* found,
                               std::int64_t bound, std::int64_t sequences, std::int64_t longest, std::int64_t inner) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t to = 0;
  for (std::int64_t s = 0; s < sequences; s++) {
    const std::int64_t length = static_cast<std::int64_t>(lengths[s]);
    if (length < 0 || length > longest) return CORTADO_LENGTHS_MISMATCH;
    if (length > bound - to) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    for (std::int64_t i = 0; i < length; i++, to++) {
      const std::int64_t at = TimeMajor ? i * sequences + s : s * longest + i;
      copy_row(data + at * inner, y + to * inner, inner);
    }
  }
  if (found != nullptr) *found = to;
  return CORTADO_OK;
}

/** x [times][sequences][inner] reversed within the lengths, or cleared behind them. Parts share the sequences. */
template <bool Reverse, class Length, class T>
cortado_status arrange_sequences(Part part, const T* x, const Length* lengths, T* y, std::int64_t times,
                                 std::int64_t sequences, std::int64_t inner) {
  const Range range = share_of(part, sequences);
  for (std::int64_t s = range.begin; s < range.end; s++) {
    const std::int64_t length = static_cast<std::int64_t>(lengths[s]);
    if (length < 0 || (Reverse && length > times)) return CORTADO_LENGTHS_MISMATCH;
    for (std::int64_t t = 0; t < times; t++) {
      T* to = y + (t * sequences + s) * inner;
      if (!Reverse && t >= length) {
        for (std::int64_t k = 0; k < inner; k++) to[k] = T{0};
      } else {
        const std::int64_t from = Reverse && t < length ? length - 1 - t : t;
        copy_row(x + (from * sequences + s) * inner, to, inner);
      }
    }
  }
  return CORTADO_OK;
}

}  // namespace cortado
