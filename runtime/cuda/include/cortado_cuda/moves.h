// Operators that only move elements of row-major tensors: strided_copy (transpose, slice, tile), concat and split. One thread for
// each element of the result, or of the piece.
#pragma once

#include "cortado_cuda/cuda.h"

namespace cortado::cuda {

template <class T, int R>
__global__ void strided_copy_kernel(std::int64_t count, const T* x, T* y, Dims<R> dims, Dims<R> strides) {
  begin_kernel();
  const std::int64_t i = linear_index();
  if (i >= count) return;
  y[i] = x[offset_of(dims, strides, i)];
}

/** y[i] = x[offset + Σ index · stride] over all indices of `dims`; y dense. */
template <class T, int R>
void strided_copy(cudaStream_t stream, const T* x, T* y, const Dims<R>& dims, const Dims<R>& strides, std::int64_t offset) {
  const std::int64_t count = product_of(dims);
  const Launch l = linear_launch(count);
  launch(strided_copy_kernel<T, R>, l.grid, l.block, l.shared_bytes, stream, count, x + offset, y, dims, strides);
}

/** Columns [column, column + width) of rows of `row` elements, from or to a dense piece. */
template <bool kIntoRows, class T>
__global__ void move_columns_kernel(std::int64_t count, std::int64_t width, std::int64_t row, const T* from, T* to) {
  begin_kernel();
  const std::int64_t i = linear_index();
  if (i >= count) return;
  const std::int64_t at = i / width * row + i % width;
  if (kIntoRows) to[at] = from[i];
  else to[i] = from[at];
}

template <bool kIntoRows, class T>
void move_columns(cudaStream_t stream, std::int64_t outer, std::int64_t width, std::int64_t row, const T* from, T* to) {
  const std::int64_t count = outer * width;
  const Launch l = linear_launch(count);
  launch(move_columns_kernel<kIntoRows, T>, l.grid, l.block, l.shared_bytes, stream, count, width, row, from, to);
}

/** y = the pieces side by side: y is [outer][Σ inner], piece k is [outer][inner[k]]. */
template <class T, class... Piece>
void concat(cudaStream_t stream, T* y, std::int64_t outer, const Dims<sizeof...(Piece)>& inner, const Piece*... pieces) {
  const T* const from[] = {pieces...};
  std::int64_t row = 0, column = 0;
  for (const std::int64_t width : inner.d) row += width;
  for (std::size_t k = 0; k < sizeof...(Piece); column += inner.d[k], ++k) move_columns<true>(stream, outer, inner.d[k], row, from[k], y + column);
}

/** The inverse of concat. Pieces are `T*` or null pointers. */
template <class T, class... Piece>
void split(cudaStream_t stream, const T* x, std::int64_t outer, const Dims<sizeof...(Piece)>& inner, Piece... pieces) {
  T* const to[] = {pieces...};
  std::int64_t row = 0, column = 0;
  for (const std::int64_t width : inner.d) row += width;
  for (std::size_t k = 0; k < sizeof...(Piece); column += inner.d[k], ++k)
    if (to[k] != nullptr) move_columns<false>(stream, outer, inner.d[k], row, x + column, to[k]);
}

}  // namespace cortado::cuda
