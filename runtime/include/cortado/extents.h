// Kernels that need the sizes of a tensor, never its values: its dims as a tensor, whether it is empty, a fill.
#pragma once

#include <cstdint>

#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

/** y[0, R) = the first R dims. */
template <int R, int N>
void store_extents(Part part, std::int64_t* y, const Dims<N>& dims) {
  static_assert(R <= N, "more dims than there are");
  if (part.index != 0) return;
  for (int i = 0; i < R; i++) y[i] = dims.d[i];
}

/** *y = (count == 0). */
CORTADO_INLINE void store_is_empty(Part part, bool* y, std::int64_t count) {
  if (part.index == 0) *y = count == 0;
}

/** y = value, dense. */
template <class T, int R>
void fill(Part part, T* y, const Dims<R>& dims, T value) {
  const Range range = share_of(part, product_of(dims));
  for (std::int64_t i = range.begin; i < range.end; i++) y[i] = value;
}

}  // namespace cortado
