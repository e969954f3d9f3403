// Sums and maxima over all threads of a block, the same in every thread and in a fixed order. All threads must call them.
#pragma once

#include "cortado_cuda/cuda.h"

namespace cortado::cuda {

/** Combines one value of each of kThreads threads: warps by shuffles, then warps among themselves through shared memory. */
template <int kThreads, class T, class Combine>
CORTADO_DEVICE T block_combine(T x, const Combine& combine) {
  static_assert(kThreads % 32 == 0, "whole warps");
  __shared__ T parts[kThreads / 32];
  CORTADO_UNROLL
  for (int mask = 16; mask > 0; mask /= 2) x = combine(x, shuffle_xor(x, mask));
  __syncthreads();  // parts may still be read by the call before
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  T total = parts[0];
  CORTADO_UNROLL
  for (int i = 1; i < kThreads / 32; ++i) total = combine(total, parts[i]);
  return total;
}

template <int kThreads>
CORTADO_DEVICE float block_sum(float x) {
  return block_combine<kThreads>(x, [](float a, float b) { return a + b; });
}

template <int kThreads>
CORTADO_DEVICE float block_max(float x) {
  return block_combine<kThreads>(x, [](float a, float b) { return a < b ? b : a; });
}

}  // namespace cortado::cuda
