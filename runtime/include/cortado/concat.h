// concat and split along one axis. The whole tensor is [outer][sum of inner], piece k is [outer][inner[k]], where an
// inner size is the axis times all dims behind it. Pieces may be empty; a piece of split may be null (nobody reads it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

/** y = the pieces side by side. */
template <class T, class... Piece>
void concat(Part part, T* y, std::int64_t outer, const Dims<sizeof...(Piece)>& inner, const Piece*... pieces) {
  constexpr int kPieces = static_cast<int>(sizeof...(Piece));
  const T* const from[] = {pieces...};
  const std::int64_t row = [&] {
    std::int64_t sum = 0;
    for (int k = 0; k < kPieces; k++) sum += inner.d[k];
    return sum;
  }();
  const Range range = share_of(part, outer);
  for (std::int64_t o = range.begin; o < range.end; o++) {
    T* to = y + o * row;
    for (int k = 0; k < kPieces; k++) {
      if (inner.d[k] == 0) continue;
      std::memcpy(to, from[k] + o * inner.d[k], static_cast<std::size_t>(inner.d[k]) * sizeof(T));
      to += inner.d[k];
    }
  }
}

/** The inverse of concat. Pieces are `T*` or null pointers. */
template <class T, class... Piece>
void split(Part part, const T* x, std::int64_t outer, const Dims<sizeof...(Piece)>& inner, Piece... pieces) {
  constexpr int kPieces = static_cast<int>(sizeof...(Piece));
  T* const to[] = {pieces...};
  const std::int64_t row = [&] {
    std::int64_t sum = 0;
    for (int k = 0; k < kPieces; k++) sum += inner.d[k];
    return sum;
  }();
  const Range range = share_of(part, outer);
  for (std::int64_t o = range.begin; o < range.end; o++) {
    const T* from = x + o * row;
    for (int k = 0; k < kPieces; k++) {
      if (to[k] != nullptr && inner.d[k] != 0) {
        std::memcpy(to[k] + o * inner.d[k], from, static_cast<std::size_t>(inner.d[k]) * sizeof(T));
      }
      from += inner.d[k];
    }
  }
}

}  // namespace cortado
