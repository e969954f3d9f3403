// segment_reduce: rows reduced segment by segment, where segments are given by lengths or by ids; rows may be picked by
// index, weighted, and stored as bytes with a scale and a bias. Lengths split the segments over parts; ids are the work
// of part 0. Nothing is read for an index out of range, and nothing is written beyond `bound` segments.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

enum class SegmentBy { kLengths, kSorted, kUnsorted };
enum class SegmentReduction { kSum, kMean, kMax, kRangeMax, kLogSumExp, kLogMeanExp };
/** Floats; bytes with [rows][2] scales and biases; bytes followed by scale and bias in the row itself. */
enum class SegmentRows { kPlain, kBiased, kFused };

struct SegmentSizes {
  std::int64_t rows;
  std::int64_t stride;   // elements of a row of data
  std::int64_t inner;    // of them, values
  std::int64_t count;    // rows that are taken: indices, or all rows
  std::int64_t segments; // lengths, or segments where they are known
  std::int64_t weights;
  bool known;            // segments is given, ids must lie below
  bool exact;            // lengths add up to count, not to less
  bool positional;       // weights count within the segment
};

/** One row as scale · value + bias. */
template <class T>
struct SegmentRow {
  const T* values;
  float scale;
  float bias;
};

template <SegmentRows Rows, class T>
CORTADO_INLINE SegmentRow<T> segment_row(const T* data, const float* scale_bias, std::int64_t row, const SegmentSizes& d,
                                         float weight) {
  const T* values = data + row * d.stride;
  if constexpr (Rows == SegmentRows::kPlain) {
    return SegmentRow<T>{values, weight, 0.0f};
  } else if constexpr (Rows == SegmentRows::kBiased) {
    return SegmentRow<T>{values, weight * scale_bias[2 * row], weight * scale_bias[2 * row + 1]};
  } else {
    float tail[2];
    std::memcpy(tail, values + d.inner, sizeof tail);
    return SegmentRow<T>{values, weight * tail[0], weight * tail[1]};
  }
}

/** The reduction of `length` rows, row_at(k) each, into y [inner]. */
template <SegmentReduction R, class RowAt>
CORTADO_INLINE void reduce_rows(float* y, std::int64_t length, std::int64_t inner, const RowAt& row_at) {
  for (std::int64_t j = 0; j < inner; j++) y[j] = 0.0f;
  if (length <= 0) return;
  if constexpr (R == SegmentReduction::kSum || R == SegmentReduction::kMean) {
    for (std::int64_t k = 0; k < length; k++) {
      const auto row = row_at(k);
      for (std::int64_t j = 0; j < inner; j++) y[j] += row.scale * static_cast<float>(row.values[j]) + row.bias;
    }
    if constexpr (R == SegmentReduction::kMean) {
      const float share = 1.0f / static_cast<float>(length);
      for (std::int64_t j = 0; j < inner; j++) y[j] *= share;
    }
    return;
  }
  for (std::int64_t j = 0; j < inner; j++) {
    const auto value_at = [&](std::int64_t k) {
      const auto row = row_at(k);
      return row.scale * static_cast<float>(row.values[j]) + row.bias;
    };
    // A range starts from the lowest finite float, so that NaN and -inf never win.
    float largest = R == SegmentReduction::kMax ? value_at(0) : -3.40282347e38f;
    for (std::int64_t k = 0; k < length; k++) {
      const float value = value_at(k);
      largest = largest < value ? value : largest;
    }
    y[j] = largest;
    if constexpr (R == SegmentReduction::kLogSumExp || R == SegmentReduction::kLogMeanExp) {
      double sum = 0.0;
      for (std::int64_t k = 0; k < length; k++) sum += std::exp(static_cast<double>(value_at(k)) - static_cast<double>(largest));
      if constexpr (R == SegmentReduction::kLogMeanExp) sum /= static_cast<double>(length);
      y[j] = static_cast<float>(std::log(sum) + static_cast<double>(largest));
    }
  }
}

/** Data, indices and weights of a call: what a row at a position is. */
template <SegmentRows Rows, class T, class Index>
struct SegmentSource {
  const T* data;
  const Index* indices;
  const float* weights;
  const float* scale_bias;
  const SegmentSizes& d;

  /** False when the row at `at`, the k-th of its segment, does not exist. */
  bool has(std::int64_t at, std::int64_t k) const {
    if (weights != nullptr && d.positional && k >= d.weights) return false;
    if (indices == nullptr) return true;
    const std::int64_t row = static_cast<std::int64_t>(indices[at]);
    return row >= 0 && row < d.rows;
  }
  SegmentRow<T> row(std::int64_t at, std::int64_t k) const {
    const float weight = weights == nullptr ? 1.0f : weights[d.positional ? k : at];
    return segment_row<Rows>(data, scale_bias, indices == nullptr ? at : static_cast<std::int64_t>(indices[at]), d, weight);
  }
  /** Reduces the `length` rows from `begin` on. */
  template <SegmentReduction R>
  cortado_status reduce(float* y, std::int64_t begin, std::int64_t length) const {
    for (std::int64_t k = 0; k < length; k++) {
      if (!has(begin + k, k)) return CORTADO_INDEX_OUT_OF_RANGE;
    }
    reduce_rows<R>(y, length, d.inner, [&](std::int64_t k) { return row(begin + k, k); });
    return CORTADO_OK;
  }
};

/** Segments of lengths[s] rows each; the part's share of them. A negative length is an empty segment. */
template <SegmentReduction R, class Source>
CORTADO_INLINE cortado_status reduce_by_lengths(Part part, const Source& source, const std::int32_t* lengths, float* y,
                                                const SegmentSizes& d) {
  const Range range = share_of(part, d.segments);
  std::int64_t begin = 0;
  for (std::int64_t s = 0; s < d.segments; s++) {
    const std::int64_t length = max_of(lengths[s], 0);
    if (length > d.count - begin) return CORTADO_LENGTHS_MISMATCH;
    if (s >= range.begin && s < range.end) {
      const cortado_status status = source.template reduce<R>(y + s * d.inner, begin, length);
      if (status != CORTADO_OK) return status;
    }
    begin += length;
  }
  return d.exact && begin != d.count ? CORTADO_LENGTHS_MISMATCH : CORTADO_OK;
}

/** Runs of equal ids 0, 1, 2, …. */
template <SegmentReduction R, class Source>
CORTADO_INLINE cortado_status reduce_sorted(const Source& source, const std::int32_t* ids, float* y, std::int64_t* found,
                                            std::int64_t bound, const SegmentSizes& d) {
  std::int64_t segment = 0;
  for (std::int64_t begin = 0; begin < d.count; segment++) {
    if (ids[begin] != segment) return CORTADO_BAD_VALUE;
    if (segment >= bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    std::int64_t end = begin + 1;
    while (end < d.count && ids[end] == segment) end++;
    const cortado_status status = source.template reduce<R>(y + segment * d.inner, begin, end - begin);
    if (status != CORTADO_OK) return status;
    begin = end;
  }
  if (found != nullptr) *found = segment;
  return CORTADO_OK;
}

/** Ids in any order; sums and means only. counts [bound]. */
template <SegmentReduction R, class Source>
CORTADO_INLINE cortado_status reduce_unsorted(const Source& source, const std::int32_t* ids, float* y, std::int64_t* found,
                                              std::int64_t bound, const SegmentSizes& d, std::int64_t* counts) {
  static_assert(R == SegmentReduction::kSum || R == SegmentReduction::kMean, "only sums can be taken in any order");
  std::int64_t segments = d.segments;
  for (std::int64_t i = 0; i < d.count; i++) {
    if (ids[i] < 0 || (d.known && ids[i] >= segments)) return CORTADO_INDEX_OUT_OF_RANGE;
    segments = max_of(segments, std::int64_t{ids[i]} + 1);
  }
  if (segments > bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
  for (std::int64_t s = 0; s < segments; s++) counts[s] = 0;
  for (std::int64_t i = 0; i < segments * d.inner; i++) y[i] = 0.0f;
  for (std::int64_t i = 0; i < d.count; i++) {
    if (!source.has(i, counts[ids[i]])) return CORTADO_INDEX_OUT_OF_RANGE;
    const auto row = source.row(i, counts[ids[i]]);
    float* sums = y + ids[i] * d.inner;
    for (std::int64_t j = 0; j < d.inner; j++) sums[j] += row.scale * static_cast<float>(row.values[j]) + row.bias;
    counts[ids[i]]++;
  }
  if constexpr (R == SegmentReduction::kMean) {
    for (std::int64_t s = 0; s < segments; s++) {
      if (counts[s] == 0) continue;
      for (std::int64_t j = 0; j < d.inner; j++) y[s * d.inner + j] /= static_cast<float>(counts[s]);
    }
  }
  if (found != nullptr) *found = segments;
  return CORTADO_OK;
}

/** `indices`, `weights`, `scale_bias` and `found` may be null. scratch: 8 bytes for each segment of unsorted ids. */
template <SegmentBy By, SegmentReduction R, SegmentRows Rows, class T, class Index>
CORTADO_NOINLINE cortado_status segment_reduce(Part part, const T* data, const std::int32_t* segments,
                                               const Index* indices, const float* weights, const float* scale_bias,
                                               float* y, std::int64_t* found, std::int64_t bound, const SegmentSizes& d,
                                               [[maybe_unused]] void* scratch) {
  const SegmentSource<Rows, T, Index> source{data, indices, weights, scale_bias, d};
  if constexpr (By == SegmentBy::kLengths) {
    return reduce_by_lengths<R>(part, source, segments, y, d);
  } else {
    if (part.index != 0) return CORTADO_OK;
    if constexpr (By == SegmentBy::kSorted) {
      return reduce_sorted<R>(source, segments, y, found, bound, d);
    } else {
      return reduce_unsorted<R>(source, segments, y, found, bound, d, static_cast<std::int64_t*>(scratch));
    }
  }
}

}  // namespace cortado
