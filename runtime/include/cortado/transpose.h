// Moves of n-dimensional tensors: permute (any strided reading into a dense result) and copy_strided (pieces of concat, slice).
#pragma once

#include <cstring>

#include "cortado/part.h"

namespace cortado {

inline constexpr int kMaxMoveRank = 8;

/** y[i] = x[Σ i·in_strides], y dense. Stride 0 repeats (tile, expand); a negative one reverses. */
struct PermuteDims {
  int rank;
  std::int64_t out_dims[kMaxMoveRank];
  std::int64_t in_strides[kMaxMoveRank];
};

/** Element strides on both sides. */
struct CopyDims {
  int rank;
  std::int64_t dims[kMaxMoveRank];
  std::int64_t x_strides[kMaxMoveRank];
  std::int64_t y_strides[kMaxMoveRank];
};

/** to[i·to_stride + j] = from[i + j·from_stride] for 16 × 16 at a time, so that both sides stay in cached lines. */
template <class T>
CORTADO_INLINE void transpose_plane(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride, Range rows, std::int64_t cols) {
  for (std::int64_t col = 0; col < cols; col += 16) {
    const std::int64_t col_end = min_of(col + 16, cols);
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
      for (std::int64_t j = col; j < col_end; ++j) to[i * to_stride + j] = from[i + j * from_stride];
    }
  }
}

/** One dense row of the result. */
template <class T>
CORTADO_INLINE void gather_row(const T* from, std::int64_t stride, T* to, std::int64_t count) {
  if (stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
  }
}

/**
 * Strided to dense. Parts split 16-wide strips of the axis that is contiguous in x (or all but the innermost axis if that
 * one is contiguous). Merge axes before the call where strides allow.
 */
template <class T>
void permute(Part part, const PermuteDims& d, const T* x, T* y) {
  if (d.rank == 0) {
    if (part.index == 0) *y = *x;
    return;
  }
  const int last = d.rank - 1;
  int fast = last;  // the axis along which x is contiguous
  for (int axis = 0; axis < last; ++axis) fast = d.in_strides[last] != 1 && d.in_strides[axis] == 1 && d.out_dims[axis] > 1 ? axis : fast;
  std::int64_t out_strides[kMaxMoveRank];
  out_strides[last] = 1;
  for (int axis = last; axis > 0; --axis) out_strides[axis - 1] = out_strides[axis] * d.out_dims[axis];
  const std::int64_t strips = fast == last ? 1 : ceil_div(d.out_dims[fast], 16);
  std::int64_t planes = 1;
  for (int axis = 0; axis < last; ++axis) planes *= axis == fast ? 1 : d.out_dims[axis];
  const Range share = share_of(part, planes * strips);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    std::int64_t rest = item / strips, from = 0, to = 0;
    for (int axis = last - 1; axis >= 0; --axis) {
      if (axis == fast) continue;
      from += rest % d.out_dims[axis] * d.in_strides[axis];
      to += rest % d.out_dims[axis] * out_strides[axis];
      rest /= d.out_dims[axis];
    }
    if (fast == last) {
      gather_row(x + from, d.in_strides[last], y + to, d.out_dims[last]);
    } else {
      const std::int64_t first = item % strips * 16;
      transpose_plane(x + from, d.in_strides[last], y + to, out_strides[fast], Range{first, min_of(first + 16, d.out_dims[fast])}, d.out_dims[last]);
    }
  }
}

/** Strided to strided. Parts split all axes but the innermost. */
template <class T>
void copy_strided(Part part, const CopyDims& d, const T* x, T* y) {
  if (d.rank == 0) {
    if (part.index == 0) *y = *x;
    return;
  }
  const int last = d.rank - 1;
  std::int64_t rows = 1;
  for (int axis = 0; axis < last; ++axis) rows *= d.dims[axis];
  const Range share = share_of(part, rows);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    std::int64_t rest = row, from = 0, to = 0;
    for (int axis = last - 1; axis >= 0; rest /= d.dims[axis], --axis) {
      from += rest % d.dims[axis] * d.x_strides[axis];
      to += rest % d.dims[axis] * d.y_strides[axis];
    }
    if (d.y_strides[last] == 1) {
      gather_row(x + from, d.x_strides[last], y + to, d.dims[last]);
    } else {
      for (std::int64_t i = 0; i < d.dims[last]; ++i) y[to + i * d.y_strides[last]] = x[from + i * d.x_strides[last]];
    }
  }
}

}  // namespace cortado
