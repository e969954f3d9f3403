// Copies between memories as steps: `count` elements, asynchronous.
#pragma once

#include "cortado_cuda/runtime_api.h"

namespace cortado::cuda {

template <class T>
void copy_to_device(cudaStream_t stream, std::int64_t count, const T* x, T* y) {
  cudaMemcpyAsync(y, x, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyHostToDevice, stream);
}

template <class T>
void copy_to_host(cudaStream_t stream, std::int64_t count, const T* x, T* y) {
  cudaMemcpyAsync(y, x, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyDeviceToHost, stream);
}

template <class T>
void copy(cudaStream_t stream, std::int64_t count, const T* x, T* y) {
  cudaMemcpyAsync(y, x, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyDeviceToDevice, stream);
}

}  // namespace cortado::cuda
