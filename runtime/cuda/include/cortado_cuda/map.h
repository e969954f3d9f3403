// Elementwise operators on the device: out[i] = f(in0[i], in1[i], …), one thread for each element. In place is allowed where an
// operand has the output's strides.
#pragma once

#include "cortado/kernel_dims.h"
#include "cortado_cuda/expression.h"

namespace cortado::cuda {

template <class F, class Out, class... In>
__global__ void map_kernel(std::int64_t count, Out* out, F f, const In*... in) {
  begin_kernel();
  const std::int64_t i = linear_index();
  if (i < count) out[i] = static_cast<Out>(f(in[i]...));
}

/** All operands contiguous, `count` elements each. */
template <class F, class Out, class... In>
void map(cudaStream_t stream, std::int64_t count, Out* out, const F& f, const In*... in) {
  const Launch l = linear_launch(count);
  launch(map_kernel<F, Out, In...>, l.grid, l.block, l.shared_bytes, stream, count, out, f, in...);
}

/** Where element `i` of the output lies in operand `operand`. Index is 32 bits wide where that suffices: divisions cost less. */
template <class Index, int kOperands>
CORTADO_DEVICE std::int64_t map_offset(const MapDims<kOperands>& d, int operand, Index i) {
  std::int64_t offset = 0;
  for (int axis = d.rank - 1; axis >= 0; --axis) {
    const Index dim = static_cast<Index>(d.dims[axis]);
    offset += static_cast<std::int64_t>(i % dim) * d.strides[operand][axis];
    i /= dim;
  }
  return offset;
}

template <class Index, class F, class Out, class... In, std::size_t... kIndex>
CORTADO_DEVICE Out map_element(const MapDims<static_cast<int>(sizeof...(In))>& d, Index i, const F& f, std::index_sequence<kIndex...>, const In*... in) {
  return static_cast<Out>(f(in[map_offset<Index>(d, static_cast<int>(kIndex), i)]...));
}

template <class Index, class F, class Out, class... In>
__global__ void map_broadcast_kernel(std::int64_t count, MapDims<static_cast<int>(sizeof...(In))> d, Out* out, F f, const In*... in) {
  begin_kernel();
  const std::int64_t i = linear_index();
  if (i < count) out[i] = map_element<Index, F, Out, In...>(d, static_cast<Index>(i), f, std::make_index_sequence<sizeof...(In)>{}, in...);
}

/** Broadcast map over up to six axes. */
template <class F, class Out, class... In>
void map_broadcast(cudaStream_t stream, const MapDims<static_cast<int>(sizeof...(In))>& d, Out* out, const F& f, const In*... in) {
  std::int64_t count = 1;
  for (int axis = 0; axis < d.rank; ++axis) count *= d.dims[axis];
  const Launch l = linear_launch(count);
  if (count <= INT32_MAX) launch(map_broadcast_kernel<std::uint32_t, F, Out, In...>, l.grid, l.block, l.shared_bytes, stream, count, d, out, f, in...);
  else launch(map_broadcast_kernel<std::uint64_t, F, Out, In...>, l.grid, l.block, l.shared_bytes, stream, count, d, out, f, in...);
}

}  // namespace cortado::cuda
