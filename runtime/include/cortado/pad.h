// PadImage: rows and columns added (or, for negative pads, cut) around each plane, plain or blocked.
#pragma once

#include <cstring>

#include "cortado/kernel_dims.h"
#include "cortado/storage.h"

namespace cortado {

/** Bottom and right pads follow from the output size. */
struct Pad2dDims {
  std::int64_t channels;
  std::int64_t in_height;
  std::int64_t in_width;
  std::int64_t out_height;
  std::int64_t out_width;
  std::int64_t pad_top;
  std::int64_t pad_left;
  float value; /**< Of kConstant. */
};

/** Input index of an output index; −1 for a constant. Reflection does not repeat the edge: −1 ↦ 1, size ↦ size − 2. */
template <PadMode kMode>
CORTADO_INLINE std::int64_t padded_source(std::int64_t out, std::int64_t pad, std::int64_t size) {
  const std::int64_t in = out - pad;
  if (kMode == PadMode::kEdge) return max_of(min_of(in, size - 1), 0);
  if (kMode == PadMode::kReflect) return min_of(max_of(in, -in), 2 * size - max_of(in, -in) - 2);
  return in >= 0 && in < size ? in : -1;
}

/** One output row; pixels are kUnit elements. row = null: constant. */
template <PadMode kMode, int kUnit, class E>
CORTADO_INLINE void pad_row(const Pad2dDims& d, const E* row, E* to) {
  const std::int64_t inside = max_of(d.pad_left, 0);
  const std::int64_t inside_end = max_of(min_of(d.pad_left + d.in_width, d.out_width), inside);
  for (std::int64_t col = 0; col < d.out_width; ++col) {
    if (col == inside && row != nullptr && inside_end > inside) {
      std::memcpy(static_cast<void*>(to + col * kUnit), row + (col - d.pad_left) * kUnit, static_cast<std::size_t>((inside_end - inside) * kUnit) * sizeof(E));
      col = inside_end - 1;
      continue;
    }
    const std::int64_t from = row == nullptr ? -1 : padded_source<kMode>(col, d.pad_left, d.in_width);
    for (int i = 0; i < kUnit; ++i) to[col * kUnit + i] = from < 0 ? static_cast<E>(d.value) : row[from * kUnit + i];
  }
}

template <PadMode kMode, int kUnit, class E>
CORTADO_INLINE void pad_planes(Part part, std::int64_t planes, const Pad2dDims& d, const E* x, E* y) {
  const Range share = share_of(part, planes * d.out_height);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t row = padded_source<kMode>(item % d.out_height, d.pad_top, d.in_height);
    const E* plane = x + item / d.out_height * d.in_height * d.in_width * kUnit;
    pad_row<kMode, kUnit>(d, row < 0 ? nullptr : plane + row * d.in_width * kUnit, y + item * d.out_width * kUnit);
  }
}

/** Plain. Parts split the output rows. */
template <PadMode kMode>
void pad2d_plain(Part part, std::int64_t n, const Pad2dDims& d, const float* x, float* y) {
  pad_planes<kMode, 1>(part, n * d.channels, d, x, y);
}

/** Blocked. Parts split the output rows. */
template <PadMode kMode, int B, class E>
void pad2d_blocked(Part part, std::int64_t n, const Pad2dDims& d, const E* x, E* y) {
  pad_planes<kMode, B>(part, n * ceil_div(d.channels, B), d, x, y);
}

}  // namespace cortado
