// strided_copy: the kernel of every operator that only moves elements (transpose, slice, tile): a dense result gathered
// with one stride per dim, 0 for a repeated one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

/** y[i] = x[offset + sum of index * stride] over all indices of `dims`; y dense. Parts share rows (the last dim). */
template <class T, int R>
void strided_copy(Part part, const T* x, T* y, const Dims<R>& dims, const Dims<R>& strides, std::int64_t offset) {
  const std::int64_t length = dims.d[R - 1];
  const std::int64_t stride = strides.d[R - 1];
  std::int64_t rows = 1;
  for (int i = 0; i + 1 < R; i++) rows *= dims.d[i];
  if (length == 0 || rows == 0) return;
  const Range range = share_of(part, rows);
  for (std::int64_t row = range.begin; row < range.end; row++) {
    const T* from = x + offset + offset_of(dims, strides, row * length);
    T* to = y + row * length;
    if (stride == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(length) * sizeof(T));
    } else {
      for (std::int64_t i = 0; i < length; i++) to[i] = from[i * stride];
    }
  }
}

}  // namespace cortado
