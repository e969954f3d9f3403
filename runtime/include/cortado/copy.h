// copy: dense bytes from one place to another (branch results, pieces of a concat, outputs that are also inputs).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/part.h"

namespace cortado {

/** y[0, count) = x[0, count); x and y do not overlap. Either may be null when count is 0. */
template <class T>
void copy(Part part, std::int64_t count, const T* x, T* y) {
  const Range range = share_of(part, count);
  if (range.begin < range.end) {
    std::memcpy(y + range.begin, x + range.begin, static_cast<std::size_t>(range.end - range.begin) * sizeof(T));
  }
}

}  // namespace cortado
