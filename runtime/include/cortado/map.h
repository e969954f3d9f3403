// Elementwise operators: out[i] = f(in0[i], in1[i], …). The functor is called with vectors where all types are float, else with
// numbers (the compiler vectorizes what it can); W = 0 or 1 forces numbers. In place is allowed where an operand has the output's strides.
#pragma once

#include "cortado/kernel_dims.h"
#include "cortado/storage.h"
#include "cortado/math.h"

namespace cortado {

/** Floats, or what is read and written as floats. */
template <class... T>
inline constexpr bool kAllFloat = (kIsFloatStorage<T> && ...);

/** All operands contiguous, `count` elements each. Parts split at multiples of the vector. */
template <int W, class F, class Out, class... In>
void map(Part part, std::int64_t count, Out* out, const F& f, const In*... in) {
  const Range share = share_of(part, count, 64);
  std::int64_t i = share.begin;
  if constexpr (W > 1 && kAllFloat<Out, In...>) {
    using V = Vec<float, W>;
    for (; i + W <= share.end; i += W) store(out + i, static_cast<V>(f(load<V>(in + i)...)));
  }
  for (std::int64_t left = share.end - i; left > 0; --left, ++i) out[i] = static_cast<Out>(f(to_number(in[i])...));
}

/** One operand along the innermost axis. */
template <class T>
struct MapRow {
  const T* at;
  std::int64_t stride;
};

template <class V, class T>
CORTADO_INLINE V load_row(const MapRow<T>& row, std::int64_t i) {
  return row.stride == 0 ? splat<V>(to_number(*row.at)) : load<V>(row.at + i);
}

template <int W, class F, class Out, class... In>
CORTADO_INLINE void map_row(std::int64_t begin, std::int64_t end, Out* out, const F& f, const MapRow<In>... row) {
  std::int64_t i = begin;
  if constexpr (W > 1 && kAllFloat<Out, In...>) {
    using V = Vec<float, W>;
    if (((row.stride == 0 || row.stride == 1) && ...)) {
      for (; i + W <= end; i += W) store(out + i, static_cast<V>(f(load_row<V>(row, i)...)));
    }
  }
  for (; i < end; ++i) out[i] = static_cast<Out>(f(to_number(row.at[i * row.stride])...));
}

/** Output rows [rows.begin, rows.end), with an odometer over all axes but the innermost. */
template <int W, int kOperands, class F, class Out, class... In, std::size_t... kIndex>
CORTADO_INLINE void map_rows(Range rows, const MapDims<kOperands>& d, Out* out, const F& f, std::index_sequence<kIndex...>, const In*... in) {
  const int last = d.rank - 1;
  std::int64_t index[kMaxMapRank] = {};
  std::int64_t offset[kOperands > 0 ? kOperands : 1] = {};
  std::int64_t rest = rows.begin;
  for (int axis = last - 1; axis >= 0; rest /= d.dims[axis], --axis) {
    index[axis] = rest % d.dims[axis];
    for (int operand = 0; operand < kOperands; ++operand) offset[operand] += index[axis] * d.strides[operand][axis];
  }
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    map_row<W, F, Out, In...>(0, d.dims[last], out + row * d.dims[last], f, MapRow<In>{in + offset[kIndex], d.strides[kIndex][last]}...);
    for (int axis = last - 1; axis >= 0; --axis) {
      const bool wraps = ++index[axis] == d.dims[axis];
      const std::int64_t steps = wraps ? 1 - d.dims[axis] : 1;
      for (int operand = 0; operand < kOperands; ++operand) offset[operand] += steps * d.strides[operand][axis];
      if (!wraps) break;
      index[axis] = 0;
    }
  }
}

/** Broadcast map over up to six axes; merge axes where strides allow, and keep the innermost long. Parts split the rows. */
template <int W, class F, class Out, class... In>
void map_broadcast(Part part, const MapDims<static_cast<int>(sizeof...(In))>& d, Out* out, const F& f, const In*... in) {
  constexpr int operands = static_cast<int>(sizeof...(In));
  if (d.rank == 0) {
    if (part.index == 0) *out = static_cast<Out>(f(to_number(*in)...));
    return;
  }
  std::int64_t rows = 1;
  for (int axis = 0; axis + 1 < d.rank; ++axis) rows *= d.dims[axis];
  map_rows<W, operands, F, Out, In...>(share_of(part, rows), d, out, f, std::make_index_sequence<sizeof...(In)>{}, in...);
}

}  // namespace cortado
