// reduce: sum, mean or maximum over any axes of a row-major tensor of floats. A warp for each result; sums are doubles, as on the host.
#pragma once

#include "cortado/reduce.h"
#include "cortado_cuda/expression.h"

namespace cortado::cuda {

/** What a reduction walks over: `results` of K kept dims, `values` of R reduced ones for each. */
template <int K, int R>
struct ReduceDims {
  std::int64_t results;
  std::int64_t values;
  Dims<K> kept;
  Dims<K> kept_strides;
  Dims<R> reduced;
  Dims<R> reduced_strides;
};

template <class Kind, int K, int R>
__global__ void __launch_bounds__(kLinearBlock) reduce_kernel(ReduceDims<K, R> d, const float* x, float* y) {
  begin_kernel();
  const std::int64_t result = linear_index() / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (result >= d.results) return;
  const float* from = x + offset_of(d.kept, d.kept_strides, result);
  if constexpr (Kind::kIsMax) {
    // The first value counts for every lane: if it is NaN, so is the maximum; later ones are passed over.
    float best = d.values == 0 ? 0.0f : from[0];
    for (std::int64_t i = lane; i < d.values; i += 32) {
      const float value = from[offset_of(d.reduced, d.reduced_strides, i)];
      best = best < value ? value : best;
    }
    best = warp_max(best);
    if (lane == 0) y[result] = best;
  } else {
    double total = 0.0;
    for (std::int64_t i = lane; i < d.values; i += 32) total += static_cast<double>(from[offset_of(d.reduced, d.reduced_strides, i)]);
    for (int mask = 16; mask > 0; mask /= 2) total += shuffle_xor(total, mask);
    if (lane == 0) y[result] = static_cast<float>(Kind::kIsMean ? total / static_cast<double>(d.values) : total);
  }
}

/** y over the `kept` dims = the reduction over the `reduced` dims of x; strides in elements of x. */
template <class Kind, int K, int R>
void reduce(cudaStream_t stream, const float* x, float* y, const Dims<K>& kept, const Dims<K>& kept_strides, const Dims<R>& reduced,
            const Dims<R>& reduced_strides) {
  const ReduceDims<K, R> d{product_of(kept), product_of(reduced), kept, kept_strides, reduced, reduced_strides};
  const Launch l = linear_launch(d.results * 32);
  launch(reduce_kernel<Kind, K, R>, l.grid, l.block, l.shared_bytes, stream, d, x, y);
}

}  // namespace cortado::cuda
