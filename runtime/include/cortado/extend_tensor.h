// extend_tensor: a table that grows until the largest index fits.
#pragma once

#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

/** y = x [rows][inner], then as many rows of zeros as the largest index + 1 exceeds rows * inner; all rows -> *found. */
template <class T>
cortado_status extend_tensor(Part part, const T* x, const std::int32_t* indices, T* y, std::int64_t* found,
                             std::int64_t bound, std::int64_t rows, std::int64_t inner, std::int64_t count) {
  if (part.index != 0) return CORTADO_OK;
  if (count == 0) return CORTADO_BAD_VALUE;
  std::int64_t wanted = static_cast<std::int64_t>(indices[0]) + 1;
  for (std::int64_t i = 1; i < count; i++) wanted = max_of(wanted, static_cast<std::int64_t>(indices[i]) + 1);
  const std::int64_t size = rows * inner;
  const std::int64_t grown = wanted > size ? rows + (wanted - size) : rows;
  if (grown > bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
  for (std::int64_t i = 0; i < size; i++) y[i] = x[i];
  for (std::int64_t i = size; i < grown * inner; i++) y[i] = T{0};
  if (found != nullptr) *found = grown;
  return CORTADO_OK;
}

}  // namespace cortado
