// The one header that knows where device code is compiled: by nvcc, or by the host's compiler against the emulation
// (CORTADO_CUDA_EMULATION). Everything else uses what is named here: launch, barriers, shuffles, asynchronous copies, half.
// Launches go to a stream, allocate nothing and wait for nothing, so that they can be captured into a graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "cortado/dims.h"

#if defined(CORTADO_CUDA_EMULATION)
#include "cortado_cuda/emulation/emulation.h"
#else
#include "cortado_cuda/device_intrinsics.h"
#endif

#define CORTADO_DEVICE __device__ __forceinline__

#if defined(CORTADO_CUDA_EMULATION)
#define CORTADO_UNROLL
#define CORTADO_UNROLL_BY(count)
#else
#define CORTADO_PRAGMA(text) _Pragma(#text)
#define CORTADO_UNROLL CORTADO_PRAGMA(unroll)
#define CORTADO_UNROLL_BY(count) CORTADO_PRAGMA(unroll count)
#endif

namespace cortado::cuda {

using Half = __half;

/** Kernels are launched before the one before has ended (programmatic dependent launch, compute capability 9.0); see begin_kernel(). */
#if defined(CORTADO_DEPENDENT_LAUNCH)
inline constexpr bool kOverlapsLaunches = true;
#else
inline constexpr bool kOverlapsLaunches = false;
#endif

/** How a kernel is launched. */
struct Launch {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes; /**< Of dynamic shared memory. */
};

CORTADO_CONSTEXPR std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

CORTADO_CONSTEXPR std::int64_t round_up(std::int64_t a, std::int64_t multiple) { return ceil_div(a, multiple) * multiple; }

/** A stride argument where 0 stands for dense. */
CORTADO_CONSTEXPR std::int64_t stride_or(std::int64_t stride, std::int64_t dense) { return stride == 0 ? dense : stride; }

inline constexpr int kLinearBlock = 256; /**< Threads of a block in kernels that walk a list of items. */

/** One thread per item. More than 2^31 − 1 blocks do not exist in any net that fits a device. */
inline Launch linear_launch(std::int64_t items) {
  return Launch{dim3(static_cast<unsigned>(ceil_div(items, kLinearBlock))), dim3(kLinearBlock), 0};
}

/** The item of this thread in a linear launch. */
CORTADO_DEVICE std::int64_t linear_index() { return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }

/** Dynamic shared memory as the struct that a kernel lays out in it. */
template <class Layout>
CORTADO_DEVICE Layout& shared_as() {
  return *static_cast<Layout*>(dynamic_shared());
}

/** Sum over the lanes of a warp, the same in all of them; pairwise, so the order is fixed. */
CORTADO_DEVICE float warp_sum(float x) {
  for (int mask = 16; mask > 0; mask /= 2) x += shuffle_xor(x, mask);
  return x;
}

CORTADO_DEVICE float warp_max(float x) {
  for (int mask = 16; mask > 0; mask /= 2) {
    const float other = shuffle_xor(x, mask);
    x = x < other ? other : x;
  }
  return x;
}

}  // namespace cortado::cuda
