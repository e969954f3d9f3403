// How functions are marked that host's and device's kernels share: for both sides where nvcc compiles, plain elsewhere.
#pragma once

#if defined(__CUDACC__)
#define CORTADO_BOTH __host__ __device__ __forceinline__
#define CORTADO_CONSTEXPR __host__ __device__ constexpr
#else
#define CORTADO_BOTH inline __attribute__((always_inline))
#define CORTADO_CONSTEXPR constexpr
#endif
