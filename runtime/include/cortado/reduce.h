// reduce: sum, mean or maximum over any axes of a plain tensor, accumulated in double or in 64-bit integers that wrap.
// With `lengths`, element k of the result reduces the first lengths[k] of its values; the first counts always (Caffe2).
#pragma once

#include <cstdint>
#include <type_traits>

#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

struct ReduceSum {
  static constexpr bool kIsMax = false;
  static constexpr bool kIsMean = false;
};
struct ReduceMean {
  static constexpr bool kIsMax = false;
  static constexpr bool kIsMean = true;
};
struct ReduceMax {
  static constexpr bool kIsMax = true;
  static constexpr bool kIsMean = false;
};

/** Floats add up in double, integers modulo 2^64. */
template <class T>
using ReduceTotal = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

/** y[k] over `kept` dims = the reduction over `reduced` dims of x; strides in elements of x. `lengths` may be null. */
template <class Kind, class T, int K, int R, class Length>
cortado_status reduce(Part part, const T* x, const Length* lengths, T* y, const Dims<K>& kept, const Dims<K>& kept_strides,
                      const Dims<R>& reduced, const Dims<R>& reduced_strides) {
  using Total = ReduceTotal<T>;
  const std::int64_t values = product_of(reduced);
  const Range range = share_of(part, product_of(kept));
  for (std::int64_t k = range.begin; k < range.end; k++) {
    std::int64_t count = values;
    if (lengths != nullptr) {
      count = static_cast<std::int64_t>(lengths[k]);
      if (count < 0 || count > values) return CORTADO_LENGTHS_MISMATCH;
    }
    const T* from = x + offset_of(kept, kept_strides, k);
    const std::int64_t used = values == 0 ? 0 : max_of(count, 1);
    if constexpr (Kind::kIsMax) {
      T best = used == 0 ? T{0} : from[0];
      for (std::int64_t i = 1; i < used; i++) {
        const T value = from[offset_of(reduced, reduced_strides, i)];
        best = best < value ? value : best;
      }
      y[k] = best;
    } else {
      Total total = 0;
      for (std::int64_t i = 0; i < used; i++) total += static_cast<Total>(from[offset_of(reduced, reduced_strides, i)]);
      if constexpr (!Kind::kIsMean) {
        y[k] = static_cast<T>(total);
      } else if constexpr (std::is_floating_point_v<T>) {
        y[k] = static_cast<T>(total / static_cast<double>(count));
      } else {
        if (count == 0) return CORTADO_DIVISION_BY_ZERO;
        y[k] = static_cast<T>(static_cast<std::int64_t>(total) / count);
      }
    }
  }
  return CORTADO_OK;
}

}  // namespace cortado
