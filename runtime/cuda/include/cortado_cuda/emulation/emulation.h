// What nvcc and <cuda_runtime.h> define, for g++: the same .cu text compiles and runs on the host (CORTADO_CUDA_EMULATION). Blocks
// run one after the other, the threads of a block as fibers with real barriers and warp operations. Static shared memory is a static
// variable; dynamic shared memory is exactly as large as the launch says, poisoned first and guarded behind.
#pragma once

#include <ctime>
#include <tuple>

#include "cortado_cuda/emulation/warpgroup.h"
#include "cortado_cuda/runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#if defined(CORTADO_CUDA_SANITIZER)
#define __shared__ static thread_local /* which tells the sanitizer where they are */
#else
#define __shared__ static
#endif
#define __syncthreads() ::cortado::cuda::emulation::block_barrier(__FILE__, __LINE__)

struct float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

CORTADO_UNCHECKED inline unsigned atomicAdd(unsigned* at, unsigned value) {
  CORTADO_CHECK(atomic(cortado::cuda::emulation::current_thread(), at));
  const unsigned before = *at;
  *at += value;
  return before;
}
inline void __threadfence() { CORTADO_CHECK(fence(cortado::cuda::emulation::current_thread())); }

namespace cortado::cuda {

namespace emulation {

inline constexpr std::size_t kMaxSharedBytes = 227 * 1024;

/** The limits that a launch has on the device: what breaks them fails there with an error. */
inline void check_launch(dim3 grid, dim3 block, std::size_t shared_bytes) {
  const unsigned threads = block.x * block.y * block.z;
  if (threads == 0 || threads > 1024 || block.z > 64) fail("a launch with " + std::to_string(threads) + " threads in a block");
  if (grid.y > 65535 || grid.z > 65535 || grid.x > 2147483647u) fail("a launch whose grid is too large");
  if (shared_bytes > kMaxSharedBytes) fail("a launch with " + std::to_string(shared_bytes) + " bytes of shared memory");
}

/** Runs call() once for each thread of the grid. */
template <class Call>
void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, Call& call) {
  check_launch(grid, block, shared_bytes);
  CORTADO_CHECK(begin_launch());
  gridDim = grid;
  blockDim = block;
  const auto body = [](void* argument) { (*static_cast<Call*>(argument))(); };
  const int threads = static_cast<int>(block.x * block.y * block.z);
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = uint3{x, y, z};
        run_block(threads, shared_bytes, body, &call);
      }
    }
  }
}

}  // namespace emulation

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream, A... args) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  std::tuple<std::decay_t<P>...> values(args...);
  cortado_emulation::submit(stream, [kernel, grid, block, shared_bytes, values] {
    auto call = [&] { std::apply(kernel, values); };
    emulation::run_grid(grid, block, shared_bytes, call);
  });
}

inline void begin_kernel() { CORTADO_CHECK(begin_kernel(emulation::current_thread())); }

/** Aligned to 128 bytes and no more, as instructions see it. */
inline void* dynamic_shared() {
  emulation::block_state().shared_window = emulation::kFirstSharedAddress + 128;
  return emulation::shared_memory();
}
inline void* swizzled_shared() {
  emulation::block_state().shared_window = emulation::kFirstSharedAddress;
  return emulation::shared_memory();
}
inline std::uint32_t shared_address(const void* shared) { return emulation::shared_address(shared); }

inline float to_float(__half x) { return emulation::half_to_float(x); }
inline __half to_half(float x) { return emulation::half_from_float(x); }
inline std::uint32_t to_half_pair(float low, float high) { return to_half(low).bits | static_cast<std::uint32_t>(to_half(high).bits) << 16; }
inline float2 from_half_pair(std::uint32_t pair) { return float2{emulation::half_of_word(pair, 0), emulation::half_of_word(pair, 1)}; }

template <class T>
inline T shuffle_xor(T x, int mask) {
  return emulation::shuffle("shuffle_xor", x, emulation::current_lane() ^ mask);
}
template <class T>
inline T shuffle_down(T x, int by) {
  const int source = emulation::current_lane() + by;
  return emulation::shuffle("shuffle_down", x, source < emulation::kWarp ? source : -1);
}

inline void load_matrices(std::uint32_t (&r)[4], const void* row) { emulation::load_matrices(r, row); }

inline void mma_f16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  const std::uint32_t b[2] = {b0, b1};
  emulation::mma_f16(d, a, b);
}
inline void mma_tf32(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  const std::uint32_t b[2] = {b0, b1};
  emulation::mma_tf32(d, a, b);
}
inline std::uint32_t to_tf32(std::uint32_t float_word) { return emulation::tf32_from_float(emulation::bits_float(float_word)); }

template <int kBytes>
inline void copy_async(void* shared, const void* global, int valid_bytes) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16, "cp.async copies 4, 8 or 16 bytes");
  emulation::copy_async(shared, global, kBytes, valid_bytes);
}
inline void commit_copies() { emulation::commit_copies(); }
template <int kNewest>
inline void wait_copies() {
  emulation::wait_copies(kNewest);
}

inline void fence_async_proxy() { emulation::fence_async_proxy(); }
inline void wgmma_fence() { emulation::fence_products(); }
inline void wgmma_commit() { emulation::commit_products(); }
template <int kNewest>
inline void wgmma_wait() {
  emulation::wait_products(kNewest);
}
template <int kN>
inline void pin_sums(float (&)[kN][4]) {}
template <int kN>
inline void wgmma_f16(float (&d)[kN][4], std::uint64_t a_tile, std::uint64_t b_tile, bool adds) {
  emulation::issue_product("wgmma.m64nNk16.f16", &d[0][0], 8 * kN, adds, true, nullptr, a_tile, b_tile);
}
template <int kN>
inline void wgmma_tf32(float (&d)[kN][4], const std::uint32_t (&a)[4], std::uint64_t b_tile, bool adds) {
  emulation::issue_product("wgmma.m64nNk8.tf32", &d[0][0], 8 * kN, adds, false, a, 0, b_tile);
}

template <class V>
CORTADO_UNCHECKED inline V read_shared(const void* at) {
  emulation::bank_log().note(emulation::current_thread(), at, sizeof(V));
  CORTADO_CHECK(used(at, sizeof(V), false));
  V value;
  std::memcpy(&value, at, sizeof(V));
  return value;
}
template <class V>
CORTADO_UNCHECKED inline void write_shared(void* at, const V& value) {
  emulation::bank_log().note(emulation::current_thread(), at, sizeof(V));
  CORTADO_CHECK(used(at, sizeof(V), true));
  std::memcpy(at, &value, sizeof(V));
}

}  // namespace cortado::cuda
