// The instructions and launch behind cuda.h as nvcc compiles them: inline PTX for what C++ has no name for. The emulation
// defines the same functions (emulation/emulation.h).
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "cortado_cuda/device_wgmma.h"

namespace cortado::cuda {

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream, A... args) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  const void* const function = reinterpret_cast<const void*>(kernel);
  if (shared_bytes > 48 * 1024) cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
  // As many blocks as fit: these kernels fetch past the first-level cache, which has the rest.
  if (shared_bytes > 0) cudaFuncSetAttribute(function, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared);
#if defined(CORTADO_DEPENDENT_LAUNCH)
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = &overlap;
  config.numAttrs = 1;
  cudaLaunchKernelEx(&config, kernel, static_cast<P>(args)...);
#else
  kernel<<<grid, block, shared_bytes, stream>>>(args...);
#endif
}

/**
 * Comes before a kernel's first access to what other kernels write or read. Where launches overlap, the next kernel's blocks may start when
 * all of this one's have come here, and this one goes on when the one before has ended and its results are visible.
 */
__device__ __forceinline__ void begin_kernel() {
#if defined(CORTADO_DEPENDENT_LAUNCH)
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ void* dynamic_shared() {
  extern __shared__ __align__(128) unsigned char cortado_dynamic_shared[];
  return cortado_dynamic_shared;
}

__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }
__device__ __forceinline__ __half to_half(float x) { return __float2half_rn(x); }

/** Two numbers, the first in the low half. */
__device__ __forceinline__ std::uint32_t to_half_pair(float low, float high) {
  const __half2 pair = __floats2half2_rn(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}
__device__ __forceinline__ float2 from_half_pair(std::uint32_t pair) { return __half22float2(*reinterpret_cast<const __half2*>(&pair)); }

template <class T>
__device__ __forceinline__ T shuffle_xor(T x, int mask) {
  return __shfl_xor_sync(0xffffffffu, x, mask);
}
template <class T>
__device__ __forceinline__ T shuffle_down(T x, int by) {
  return __shfl_down_sync(0xffffffffu, x, static_cast<unsigned>(by));
}

__device__ __forceinline__ std::uint32_t shared_address(const void* shared) { return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared)); }

/** Four 8 × 8 matrices of 16-bit elements (or 8 × 4 of 32-bit ones); lane 8·i + r names row r of matrix i. */
__device__ __forceinline__ void load_matrices(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

/** d += a · b: 16 × 8 × 16, halves in, floats accumulated. */
__device__ __forceinline__ void mma_f16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/** d += a · b: 16 × 8 × 8, TF32 in (to_tf32), floats accumulated. */
__device__ __forceinline__ void mma_tf32(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/** Nearest TF32, halves away from zero, as bits of a float. */
__device__ __forceinline__ std::uint32_t to_tf32(std::uint32_t float_word) {
  std::uint32_t result;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(result) : "f"(__uint_as_float(float_word)));
  return result;
}

/** Starts a copy of kBytes from global to shared memory; of the source only `valid_bytes` are read, the rest is zero. */
template <int kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global, int valid_bytes) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16, "cp.async copies 4, 8 or 16 bytes");
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(valid_bytes) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(shared)), "l"(global), "n"(kBytes), "r"(valid_bytes) : "memory");
  }
}

/** Ends a group of copies of this thread. */
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/** Waits until all but the kNewest last groups of this thread have arrived. */
template <int kNewest>
__device__ __forceinline__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kNewest) : "memory");
}

/** A read or write of shared memory by a kernel's own indexing; the emulation counts bank conflicts here. */
template <class V>
__device__ __forceinline__ V read_shared(const void* at) {
  return *static_cast<const V*>(at);
}
template <class V>
__device__ __forceinline__ void write_shared(void* at, const V& value) {
  *static_cast<V*>(at) = value;
}

}  // namespace cortado::cuda
