// concat and split along one axis. The whole tensor is [outer][sum of inner], piece k is [outer][inner[k]], where an
// inner size is the axis times all dims behind it. Pieces may be empty; a piece of split may be null (nobody reads it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

/** The part's share of `count` elements; nothing is touched when there are none. */
template <class T>
CORTADO_INLINE void copy_piece(Part part, std::int64_t count, const T* from, T* to) {
  const Range range = share_of(part, count);
  if (range.begin == range.end) return;
  std::memcpy(to + range.begin, from + range.begin, static_cast<std::size_t>(range.end - range.begin) * sizeof(T));
}

/** y = the pieces side by side; parts share the outer index, or each piece when there are fewer than parts. */
template <class T, class... Piece>
void concat(Part part, T* y, std::int64_t outer, const Dims<sizeof...(Piece)>& inner, const Piece*... pieces) {
  constexpr int kPieces = static_cast<int>(sizeof...(Piece));
  const T* const from[] = {pieces...};
  const std::int64_t row = [&] {
    std::int64_t sum = 0;
    for (int k = 0; k < kPieces; k++) sum += inner.d[k];
    return sum;
  }();
  const bool by_outer = outer >= part.count;
  const Range range = by_outer ? share_of(part, outer) : Range{0, outer};
  for (std::int64_t o = range.begin; o < range.end; o++) {
    T* to = y + o * row;
    for (int k = 0; k < kPieces; k++) {
      copy_piece(by_outer ? Part{0, 1} : part, inner.d[k], inner.d[k] == 0 ? nullptr : from[k] + o * inner.d[k], to);
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
  const bool by_outer = outer >= part.count;
  const Range range = by_outer ? share_of(part, outer) : Range{0, outer};
  for (std::int64_t o = range.begin; o < range.end; o++) {
    const T* from = x + o * row;
    for (int k = 0; k < kPieces; k++) {
      if (to[k] != nullptr) copy_piece(by_outer ? Part{0, 1} : part, inner.d[k], from, to[k] + o * inner.d[k]);
      from += inner.d[k];
    }
  }
}

}  // namespace cortado
