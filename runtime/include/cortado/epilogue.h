// Epilogues: what a kernel does to a result before the last store. The compiler generates one functor per fused chain;
//   V operator()(V acc, std::int64_t channel, std::int64_t offset) const, a template over V (vector or float) and Lanes.
// `channel` is the first lane's channel; `offset` counts floats from the start of a dense tensor of the output's layout.
#pragma once

#include "cortado/storage.h"

namespace cortado {

/** Lanes are consecutive channels (blocked layout, FC columns): a per-channel operand is a vector. */
struct ChannelLanes {
  template <class V>
  static CORTADO_INLINE V channel(const float* operand, std::int64_t channel) {
    return load<V>(operand + channel);
  }
};

/** Lanes are pixels of one channel (plain layout): a per-channel operand is broadcast. */
struct PixelLanes {
  template <class V>
  static CORTADO_INLINE V channel(const float* operand, std::int64_t channel) {
    return splat<V>(operand[channel]);
  }
};

/** Stores the result as it is. */
struct NoEpilogue {
  template <class V, class Lanes>
  CORTADO_INLINE V operator()(V acc, std::int64_t, std::int64_t) const {
    return acc;
  }
};

/**
 * min(max(acc + bias[channel] + residual[offset], floor), ceiling): the epilogue of nearly every convolution, which the
 * convolutions apply in registers. Null operands and infinite bounds are left out.
 */
template <class E>
struct BiasResidualClampOf {
  const float* bias;
  const E* residual;
  float floor;
  float ceiling;
  template <class V, class Lanes>
  CORTADO_INLINE V operator()(V acc, std::int64_t channel, std::int64_t offset) const {
    V sum = bias == nullptr ? acc : acc + Lanes::template channel<V>(bias, channel);
    if (residual != nullptr) sum = sum + load<V>(residual + offset);
    return at_most(at_least(sum, splat<V>(floor)), splat<V>(ceiling));
  }
};
using BiasResidualClamp = BiasResidualClampOf<float>;

/**
 * x < 0 ? x · slope[channel] : x with x = acc + bias[channel] (PRelu, LeakyRelu); the convolutions apply it in registers.
 * Slopes must be finite; a null bias is left out.
 */
struct BiasSlope {
  const float* bias;
  const float* slope;
  template <class V, class Lanes>
  CORTADO_INLINE V operator()(V acc, std::int64_t channel, std::int64_t) const {
    const V sum = bias == nullptr ? acc : acc + Lanes::template channel<V>(bias, channel);
    return select(lt(sum, V{}), sum * Lanes::template channel<V>(slope, channel), sum);
  }
};

/** Calls the functor with the kernel's lane policy. */
template <class V, class Lanes, class Ep>
CORTADO_INLINE V finish(const Ep& ep, V acc, std::int64_t channel, std::int64_t offset) {
  return ep.template operator()<V, Lanes>(acc, channel, offset);
}

}  // namespace cortado
