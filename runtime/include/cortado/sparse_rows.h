// Few rows or elements of a large tensor, given by index. All of it is the work of part 0: later rows win over earlier
// ones. Every index is checked before anything is read or written through it.
#pragma once

#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/pack_segments.h"
#include "cortado/part.h"

namespace cortado {

/**
 * y [examples][M][inner] = the value whose index is mask.d[m], else `fallback` [inner]. lengths null: one example.
 * y and presence may be null. d: values, inner, examples, how many negative indices are too many.
 */
template <class T, class Index, int M>
cortado_status sparse_to_dense_mask(Part part, const Index* indices, const T* values, const T* fallback,
                                    const std::int32_t* lengths, T* y, bool* presence, const Dims<M>& mask,
                                    const Dims<4>& d) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t inner = d.d[1];
  std::int64_t at = 0, skipped = 0;
  for (std::int64_t b = 0; b < d.d[2]; b++) {
    for (int m = 0; m < M; m++) {
      if (presence != nullptr) presence[b * M + m] = false;
      if (y != nullptr) copy_row(fallback, y + (b * M + m) * inner, inner);
    }
    const std::int64_t length = lengths == nullptr ? d.d[0] : lengths[b];
    if (length < 0 || length > d.d[0] - at) return CORTADO_LENGTHS_MISMATCH;
    for (std::int64_t end = at + length; at < end; at++) {
      const std::int64_t index = static_cast<std::int64_t>(indices[at]);
      if (index < 0) {
        if (++skipped >= d.d[3]) return CORTADO_INDEX_OUT_OF_RANGE;
        continue;
      }
      int m = M - 1;
      while (m >= 0 && mask.d[m] != index) m--;
      if (m < 0) continue;
      if (presence != nullptr) presence[b * M + m] = true;
      if (y != nullptr) copy_row(values + at * inner, y + (b * M + m) * inner, inner);
    }
  }
  return CORTADO_OK;
}

/** Calls body(place in [examples][columns], i) for each element i of the examples. */
template <class Body>
CORTADO_INLINE cortado_status for_each_element(const std::int64_t* lengths, const std::int64_t* indices,
                                               std::int64_t examples, std::int64_t count, std::int64_t columns,
                                               const Body& body) {
  std::int64_t at = 0;
  for (std::int64_t b = 0; b < examples; b++) {
    if (lengths[b] < 0 || lengths[b] > count - at) return CORTADO_LENGTHS_MISMATCH;
    for (std::int64_t end = at + lengths[b]; at < end; at++) {
      if (indices[at] < 0 || indices[at] >= columns) return CORTADO_INDEX_OUT_OF_RANGE;
      body(b * columns + indices[at], at);
    }
  }
  return at == count ? CORTADO_OK : CORTADO_LENGTHS_MISMATCH;
}

/** values [count] -> y [examples][columns], `fallback` elsewhere. */
CORTADO_INLINE cortado_status batch_sparse_to_dense(Part part, const std::int64_t* lengths, const std::int64_t* indices,
                                                    const float* values, float* y, std::int64_t examples,
                                                    std::int64_t count, std::int64_t columns, float fallback) {
  if (part.index != 0) return CORTADO_OK;
  for (std::int64_t i = 0; i < examples * columns; i++) y[i] = fallback;
  return for_each_element(lengths, indices, examples, count, columns,
                          [&](std::int64_t place, std::int64_t i) { y[place] = values[i]; });
}

/** dense [examples][columns] -> y [count]. */
CORTADO_INLINE cortado_status batch_dense_to_sparse(Part part, const std::int64_t* lengths, const std::int64_t* indices,
                                                    const float* dense, float* y, std::int64_t examples,
                                                    std::int64_t count, std::int64_t columns) {
  if (part.index != 0) return CORTADO_OK;
  return for_each_element(lengths, indices, examples, count, columns,
                          [&](std::int64_t place, std::int64_t i) { y[i] = dense[place]; });
}

/** y = x [rows][inner] (y may be x), then row indices[i] = slices[i]. */
template <class T, class Index>
cortado_status scatter_assign(Part part, const T* x, const Index* indices, const T* slices, T* y, std::int64_t rows,
                              std::int64_t count, std::int64_t inner) {
  if (part.index != 0) return CORTADO_OK;
  if (y != x) copy_row(x, y, rows * inner);
  for (std::int64_t i = 0; i < count; i++) {
    const std::int64_t row = static_cast<std::int64_t>(indices[i]);
    if (row < 0 || row >= rows) return CORTADO_INDEX_OUT_OF_RANGE;
    copy_row(slices + i * inner, y + row * inner, inner);
  }
  return CORTADO_OK;
}

/** y = x [rows][inner] (y may be x), then the named rows scaled to `norm`; with `most` only those above it. */
template <class Index>
cortado_status sparse_normalize(Part part, const float* x, const Index* indices, float* y, std::int64_t rows,
                                std::int64_t count, std::int64_t inner, float norm, bool most) {
  if (part.index != 0) return CORTADO_OK;
  if (y != x) copy_row(x, y, rows * inner);
  for (std::int64_t i = 0; i < count; i++) {
    const std::int64_t row = static_cast<std::int64_t>(indices[i]);
    if (row < 0 || row >= rows) return CORTADO_INDEX_OUT_OF_RANGE;
    float* values = y + row * inner;
    double squares = 0.0;
    for (std::int64_t k = 0; k < inner; k++) squares += static_cast<double>(values[k]) * static_cast<double>(values[k]);
    const double own = __builtin_sqrt(squares);
    if (most && own <= static_cast<double>(norm)) continue;
    const double scale = static_cast<double>(norm) / (own + 1e-12);
    for (std::int64_t k = 0; k < inner; k++) values[k] = static_cast<float>(static_cast<double>(values[k]) * scale);
  }
  return CORTADO_OK;
}

}  // namespace cortado
