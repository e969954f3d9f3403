// wgmma as nvcc compiles it: products of a warpgroup (four warps) on 64 rows, asynchronous, operands in shared memory. Only for
// architectures whose name ends in "a" (sm_90a). The emulation defines the same functions (emulation/emulation.h, emulation/warpgroup.h).
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace cortado::cuda {

/** As dynamic_shared(), aligned to the 1024 bytes after which the hardware's swizzle repeats. */
__device__ __forceinline__ void* swizzled_shared() {
  extern __shared__ __align__(1024) unsigned char cortado_swizzled_shared[];
  if ((static_cast<std::uint32_t>(__cvta_generic_to_shared(cortado_swizzled_shared)) & 1023u) != 0u) __trap();
  return cortado_swizzled_shared;
}

/** What this thread has written to shared memory, copies that it has waited for included, becomes visible to wgmma (after a barrier, of all threads). */
__device__ __forceinline__ void fence_async_proxy() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/** Comes before the first wgmma after any other use of its registers. */
__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

/** Ends a group of products. */
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/** Waits until all but the kNewest last groups of products are done. */
template <int kNewest>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kNewest) : "memory");
}

/** The compiler must not move a use of these sums across this place: it does not know when wgmma writes them. */
template <int kN>
__device__ __forceinline__ void pin_sums(float (&sums)[kN][4]) {
#pragma unroll
  for (int j = 0; j < kN; ++j) asm volatile("" : "+f"(sums[j][0]), "+f"(sums[j][1]), "+f"(sums[j][2]), "+f"(sums[j][3])::"memory");
}

// Numbers and operands of an instruction's registers: "%0, %1, …" and d[0][0], d[0][1], …
#define CORTADO_TEN(t) "%" t "0, %" t "1, %" t "2, %" t "3, %" t "4, %" t "5, %" t "6, %" t "7, %" t "8, %" t "9, "
#define CORTADO_NAMES_32 CORTADO_TEN("") CORTADO_TEN("1") CORTADO_TEN("2") "%30, %31"
#define CORTADO_NAMES_64 CORTADO_TEN("") CORTADO_TEN("1") CORTADO_TEN("2") CORTADO_TEN("3") CORTADO_TEN("4") CORTADO_TEN("5") "%60, %61, %62, %63"
#define CORTADO_NAMES_128                                                                                                                     \
  CORTADO_TEN("") CORTADO_TEN("1") CORTADO_TEN("2") CORTADO_TEN("3") CORTADO_TEN("4") CORTADO_TEN("5") CORTADO_TEN("6") CORTADO_TEN("7")      \
  CORTADO_TEN("8") CORTADO_TEN("9") CORTADO_TEN("10") CORTADO_TEN("11") "%120, %121, %122, %123, %124, %125, %126, %127"
#define CORTADO_SUMS_4(j) "+f"(d[j][0]), "+f"(d[j][1]), "+f"(d[j][2]), "+f"(d[j][3])
#define CORTADO_SUMS_16(j) CORTADO_SUMS_4(j), CORTADO_SUMS_4(j + 1), CORTADO_SUMS_4(j + 2), CORTADO_SUMS_4(j + 3)
#define CORTADO_SUMS_32(j) CORTADO_SUMS_16(j), CORTADO_SUMS_16(j + 4)
#define CORTADO_SUMS_64(j) CORTADO_SUMS_32(j), CORTADO_SUMS_32(j + 8)
#define CORTADO_SUMS_128(j) CORTADO_SUMS_64(j), CORTADO_SUMS_64(j + 16)
// Both operands in shared memory, k fastest in both; d += a · b.
#define CORTADO_WGMMA_F16(n, sums, a, b, adds_at)                                                                                                 \
  asm volatile("{.reg .pred p; setp.ne.b32 p, %" #adds_at ", 0; wgmma.mma_async.sync.aligned.m64n" #n "k16.f32.f16.f16 {" CORTADO_NAMES_##sums "}, " \
               "%" #a ", %" #b ", p, 1, 1, 0, 0;}"                                                                                       \
               : CORTADO_SUMS_##sums(0)                                                                                                   \
               : "l"(a_tile), "l"(b_tile), "r"(static_cast<int>(adds)))
// a in registers.
#define CORTADO_WGMMA_TF32(n, sums, a0, a1, a2, a3, b, adds_at)                                                                                     \
  asm volatile("{.reg .pred p; setp.ne.b32 p, %" #adds_at ", 0; wgmma.mma_async.sync.aligned.m64n" #n "k8.f32.tf32.tf32 {" CORTADO_NAMES_##sums "}, " \
               "{%" #a0 ", %" #a1 ", %" #a2 ", %" #a3 "}, %" #b ", p, 1, 1;}"                                                             \
               : CORTADO_SUMS_##sums(0)                                                                                                     \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b_tile), "r"(static_cast<int>(adds)))

/** d += a · b: 64 × 8·kN × 16, halves in, floats accumulated; a_tile, b_tile: descriptors. */
template <int kN>
__device__ __forceinline__ void wgmma_f16(float (&d)[kN][4], std::uint64_t a_tile, std::uint64_t b_tile, bool adds) {
  static_assert(kN == 8 || kN == 16 || kN == 32, "64, 128 or 256 columns");
  if constexpr (kN == 8) {
    CORTADO_WGMMA_F16(64, 32, 32, 33, 34);
  } else if constexpr (kN == 16) {
    CORTADO_WGMMA_F16(128, 64, 64, 65, 66);
  } else {
    CORTADO_WGMMA_F16(256, 128, 128, 129, 130);
  }
}

/** d += a · b: 64 × 8·kN × 8, TF32 in, floats accumulated; a as for mma_tf32, 16 rows for each warp. */
template <int kN>
__device__ __forceinline__ void wgmma_tf32(float (&d)[kN][4], const std::uint32_t (&a)[4], std::uint64_t b_tile, bool adds) {
  static_assert(kN == 8 || kN == 16 || kN == 32, "64, 128 or 256 columns");
  if constexpr (kN == 8) {
    CORTADO_WGMMA_TF32(64, 32, 32, 33, 34, 35, 36, 37);
  } else if constexpr (kN == 16) {
    CORTADO_WGMMA_TF32(128, 64, 64, 65, 66, 67, 68, 69);
  } else {
    CORTADO_WGMMA_TF32(256, 128, 128, 129, 130, 131, 132, 133);
  }
}

#undef CORTADO_TEN
#undef CORTADO_NAMES_32
#undef CORTADO_NAMES_64
#undef CORTADO_NAMES_128
#undef CORTADO_SUMS_4
#undef CORTADO_SUMS_16
#undef CORTADO_SUMS_32
#undef CORTADO_SUMS_64
#undef CORTADO_SUMS_128
#undef CORTADO_WGMMA_F16
#undef CORTADO_WGMMA_TF32

}  // namespace cortado::cuda
