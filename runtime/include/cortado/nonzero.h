// The divisor of an integer division: copied if no element is zero.
#pragma once

#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/part.h"

namespace cortado {

template <class T>
cortado_status nonzero(Part part, std::int64_t count, const T* x, T* y) {
  const Range share = share_of(part, count);
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    if (x[i] == T{}) return CORTADO_DIVISION_BY_ZERO;
    y[i] = x[i];
  }
  return CORTADO_OK;
}

}  // namespace cortado
