// index_hash: ids hashed into a range, with Caffe2's own hash, in the width of the ids.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cortado/part.h"

namespace cortado {

/** y[i] = hash(ids[i]) modulo `modulo`, never negative; bytes count from the lowest and are signed. */
template <class T>
void index_hash(Part part, const T* ids, T* y, std::int64_t count, std::int64_t seed, std::int64_t modulo) {
  using Bits = std::make_unsigned_t<T>;
  const Range range = share_of(part, count);
  for (std::int64_t i = range.begin; i < range.end; i++) {
    Bits hash = static_cast<Bits>(static_cast<std::uint64_t>(seed) * 0xdeadbeefu);
    for (unsigned shift = 0; shift < 8 * sizeof(T); shift += 8) {
      const std::int8_t byte = static_cast<std::int8_t>(static_cast<Bits>(ids[i]) >> shift & 0xff);
      hash = static_cast<Bits>(hash * Bits{65537} + static_cast<Bits>(byte));
    }
    const std::int64_t rest = static_cast<std::int64_t>(static_cast<T>(hash)) % modulo;
    y[i] = static_cast<T>(rest < 0 ? rest + modulo : rest);
  }
}

}  // namespace cortado
