// Lengths, ranges and segment ids turned into one another. All of it is the work of part 0: each result depends on the
// sum of what comes before. Nothing is written beyond `bound` elements.
#pragma once

#include <cmath>
#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

/** What is told of each row: its segment, its position there, or 1 / length^power. */
enum class RowMember { kIds, kPositions, kWeights };

template <RowMember Member, class Length, class T>
cortado_status expand_lengths(Part part, const Length* lengths, T* y, std::int64_t* found, std::int64_t bound,
                              std::int64_t segments, [[maybe_unused]] float power) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t at = 0;
  for (std::int64_t s = 0; s < segments; s++) {
    const std::int64_t length = static_cast<std::int64_t>(lengths[s]);
    if (length < 0) return CORTADO_LENGTHS_MISMATCH;
    if (length > bound - at) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    for (std::int64_t i = 0; i < length; i++) {
      if constexpr (Member == RowMember::kIds) {
        y[at + i] = static_cast<T>(s);
      } else if constexpr (Member == RowMember::kPositions) {
        y[at + i] = static_cast<T>(i);
      } else {
        y[at + i] = static_cast<T>(1.0 / std::pow(static_cast<double>(length), static_cast<double>(power)));
      }
    }
    at += length;
  }
  if (found != nullptr) *found = at;
  return CORTADO_OK;
}

/** y [segments][2] = start and length. */
CORTADO_INLINE void lengths_to_ranges(Part part, const std::int32_t* lengths, std::int32_t* y, std::int64_t segments) {
  if (part.index != 0) return;
  std::uint32_t start = 0;
  for (std::int64_t s = 0; s < segments; s++) {
    y[2 * s] = static_cast<std::int32_t>(start);
    y[2 * s + 1] = lengths[s];
    start += static_cast<std::uint32_t>(lengths[s]);
  }
}

/** y [2] = the number of segments and their common length. */
CORTADO_INLINE cortado_status lengths_to_shape(Part part, const std::int32_t* lengths, std::int32_t* y,
                                               std::int64_t segments) {
  if (part.index != 0) return CORTADO_OK;
  for (std::int64_t s = 1; s < segments; s++) {
    if (lengths[s] != lengths[0]) return CORTADO_LENGTHS_MISMATCH;
  }
  y[0] = static_cast<std::int32_t>(segments);
  y[1] = segments == 0 ? 0 : lengths[0];
  return CORTADO_OK;
}

/** Sorted ids [rows] -> y [segments] or, with ranges, [segments][2]. size: the segments, -1 for one more than the last id. */
template <bool Ranges, class Index>
cortado_status segment_ids_to_lengths(Part part, const Index* ids, std::int32_t* y, std::int64_t* found,
                                      std::int64_t bound, std::int64_t rows, std::int64_t size) {
  if (part.index != 0) return CORTADO_OK;
  constexpr std::int64_t kWidth = Ranges ? 2 : 1;
  const std::int64_t last = rows == 0 ? -1 : static_cast<std::int64_t>(ids[rows - 1]);
  if (last < -1 || (size >= 0 && last >= size)) return CORTADO_INDEX_OUT_OF_RANGE;
  if (last >= bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
  const std::int64_t segments = size >= 0 ? size : last + 1;
  if (segments > bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
  for (std::int64_t i = 0; i < segments * kWidth; i++) y[i] = 0;
  std::int64_t before = 0;
  for (std::int64_t i = 0; i < rows; i++) {
    const std::int64_t id = static_cast<std::int64_t>(ids[i]);
    if (id < before || id >= segments) return CORTADO_BAD_VALUE;
    if constexpr (Ranges) {
      while (before != id) y[2 * ++before] = static_cast<std::int32_t>(i);
    }
    before = id;
    y[id * kWidth + kWidth - 1]++;
  }
  if (found != nullptr) *found = segments;
  return CORTADO_OK;
}

/** y[s] = true ones among the next lengths[s] of mask [rows]. */
template <class Length>
cortado_status boolean_mask_lengths(Part part, const Length* lengths, const bool* mask, Length* y, std::int64_t segments,
                                    std::int64_t rows) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t at = 0;
  for (std::int64_t s = 0; s < segments; s++) {
    const std::int64_t length = static_cast<std::int64_t>(lengths[s]);
    if (length < 0 || length > rows - at) return CORTADO_LENGTHS_MISMATCH;
    Length count = 0;
    for (std::int64_t i = 0; i < length; i++) count += mask[at + i] ? 1 : 0;
    y[s] = count;
    at += length;
  }
  return at == rows ? CORTADO_OK : CORTADO_LENGTHS_MISMATCH;
}

/** y [segments][*size]: 1 at the indices [count] of each segment. */
CORTADO_INLINE cortado_status segment_one_hot(Part part, const std::int32_t* lengths, const std::int64_t* indices,
                                              const std::int64_t* size, float* y, std::int64_t* found, std::int64_t bound,
                                              std::int64_t segments, std::int64_t count) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t columns = size[0];
  if (columns <= 0) return CORTADO_BAD_VALUE;
  if (columns > bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
  for (std::int64_t i = 0; i < segments * columns; i++) y[i] = 0.0f;
  std::int64_t at = 0;
  for (std::int64_t s = 0; s < segments; s++) {
    if (lengths[s] < 0 || lengths[s] > count - at) return CORTADO_LENGTHS_MISMATCH;
    for (std::int32_t k = 0; k < lengths[s]; k++, at++) {
      if (indices[at] < 0 || indices[at] >= columns) return CORTADO_INDEX_OUT_OF_RANGE;
      y[s * columns + indices[at]] = 1.0f;
    }
  }
  if (found != nullptr) *found = columns;
  return CORTADO_OK;
}

/** y = the rows of the `count` wanted segments, one segment after another. */
template <class Index>
cortado_status lengths_gather_indices(Part part, const std::int32_t* lengths, const Index* wanted, std::int64_t* y,
                                      std::int64_t* found, std::int64_t bound, std::int64_t segments,
                                      std::int64_t count) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < count; i++) {
    const std::int64_t segment = static_cast<std::int64_t>(wanted[i]);
    if (segment < 0 || segment >= segments) return CORTADO_INDEX_OUT_OF_RANGE;
    std::int64_t start = 0;
    for (std::int64_t s = 0; s < segment; s++) start += lengths[s];
    if (lengths[segment] < 0) return CORTADO_LENGTHS_MISMATCH;
    if (lengths[segment] > bound - at) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    for (std::int32_t k = 0; k < lengths[segment]; k++) y[at++] = start + k;
  }
  if (found != nullptr) *found = at;
  return CORTADO_OK;
}

/** y = lengths [segments], none negative, `rows` in all. */
CORTADO_INLINE cortado_status check_lengths(Part part, const std::int32_t* lengths, std::int32_t* y,
                                            std::int64_t segments, std::int64_t rows) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t total = 0;
  for (std::int64_t s = 0; s < segments; s++) {
    if (lengths[s] < 0) return CORTADO_LENGTHS_MISMATCH;
    y[s] = lengths[s];
    total += lengths[s];
  }
  return total == rows ? CORTADO_OK : CORTADO_LENGTHS_MISMATCH;
}

}  // namespace cortado
