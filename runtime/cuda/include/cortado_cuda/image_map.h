// Elementwise operators and copies of images: y[pixel][c] = f(a[pixel][c], b[pixel][c], …), where operands have strides of their own, so
// that concat, slice and copies of channels are f = Identity. The padding of y becomes 0 whatever f(0) is.
#pragma once

#include "cortado_cuda/image.h"

namespace cortado::cuda {

/** `stored` elements from one pixel to the next; 0 repeats one pixel: an operand per channel, padded to whole packs of 8. */
template <class T>
struct ImageOperand {
  const T* at;
  std::int64_t stored;
};

/** f of packs; a functor for single floats is called once a lane. */
template <class F, int N, class... Rest>
CORTADO_DEVICE Pack<N> apply_lanes(const F& f, const Pack<N>& first, const Rest&... rest) {
  if constexpr (std::is_invocable_v<const F&, const Pack<N>&, const Rest&...>) {
    return f(first, rest...);
  } else {
    Pack<N> result;
    CORTADO_UNROLL
    for (int i = 0; i < N; ++i) result.lane[i] = f(first.lane[i], rest.lane[i]...);
    return result;
  }
}

struct Identity {
  template <class V>
  CORTADO_DEVICE V operator()(const V& x) const {
    return x;
  }
};

template <class T, class F, class... In>
__global__ void __launch_bounds__(kLinearBlock) map_image_kernel(ImageRows rows, T* y, F f, ImageOperand<In>... in) {
  begin_kernel();
  constexpr int N = kWide<T>;
  const std::int64_t item = linear_index();
  const int packs = packs_of(rows.y_written, N);
  if (item >= rows.pixels * packs) return;
  const PackPlace place = pack_place<N>(item, packs);
  const Pack<N> value = apply_lanes(f, load<Pack<N>>(in.at + place.pixel * in.stored + place.channel)...);
  store_channels<true>(y + place.pixel * rows.y_stored, value, place.channel, rows.channels, rows.y_written);
}

/** rows.x_stored is not used: every operand has its own. In place is allowed for operands with y's stride. */
template <class F, class T, class... In>
void map_image(cudaStream_t stream, const ImageRows& rows, T* y, const F& f, ImageOperand<In>... in) {
  const Launch l = linear_launch(rows.pixels * packs_of(rows.y_written, kWide<T>));
  launch(map_image_kernel<T, F, In...>, l.grid, l.block, l.shared_bytes, stream, rows, y, f, in...);
}

/** Copies channels, also between float and Half. */
template <class T, class In>
void copy_image(cudaStream_t stream, const ImageRows& rows, const In* x, T* y) {
  map_image(stream, rows, y, Identity{}, ImageOperand<In>{x, rows.x_stored});
}

}  // namespace cortado::cuda
