// Dims: a list of sizes, strides or axes whose length is known at compile time.
#pragma once

#include <cstdint>

#include "cortado/host_device.h"

namespace cortado {

template <int R>
struct Dims {
  std::int64_t d[R];
};

/** Product of all dims. */
template <int R>
CORTADO_CONSTEXPR std::int64_t product_of(const Dims<R>& dims) {
  std::int64_t product = 1;
  for (int i = 0; i < R; i++) product *= dims.d[i];
  return product;
}

/** Where row-major element `at` of `dims` lies under other strides. */
template <int R>
CORTADO_CONSTEXPR std::int64_t offset_of(const Dims<R>& dims, const Dims<R>& strides, std::int64_t at) {
  std::int64_t offset = 0;
  for (int i = R - 1; i >= 0; i--) {
    offset += (at % dims.d[i]) * strides.d[i];
    at /= dims.d[i];
  }
  return offset;
}

}  // namespace cortado
