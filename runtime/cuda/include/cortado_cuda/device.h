// What a step on the device sees while it is submitted: pointers into the device's arena and weights, sizes, the stream.
#pragma once

#include "cortado/model.h"
#include "cortado_cuda/runtime_api.h"
#include "cortado_cuda/device_steps.h"

namespace cortado {

class DeviceRun {
 public:
  DeviceRun(RunContext& host, std::uint8_t* arena, const std::uint8_t* weights, unsigned* counters, cudaStream_t stream, bool traces)
      : host_(host), arena_(arena), weights_(weights), counters_(counters), stream_(stream), traces_(traces) {}

  /** In the arena of the device. */
  template <class T>
  T* at(std::size_t offset) const { return reinterpret_cast<T*>(arena_ + offset); }

  /** In the weights on the device, from the end of their header. */
  template <class T>
  const T* weight(std::size_t offset) const { return reinterpret_cast<const T*>(weights_ + offset); }

  /** Words that are 0 before and after every kernel that counts in them; for all steps of a stream. */
  unsigned* counters() const { return counters_; }

  std::int64_t extent(int symbol) const { return host_.extent(symbol); }
  cudaStream_t stream() const { return stream_; }

  /** The run on the host, for copies from and to its memory. */
  RunContext& host() const { return host_; }

  /**
   * Hands a tensor of the device to the trace function, if one is set: waits for it and copies it. `stored` elements from one pixel of
   * an image, channels last, to the next; 0: row-major. Emitted by `--trace` builds alone.
   */
  template <class T, class... Dims>
  void trace(int op, const char* blob, const T* data, int stored, Dims... dims) const {
    const std::int64_t values[] = {static_cast<std::int64_t>(dims)..., 0};
    if (traces_) trace_tensor(op, blob, data, sizeof(T), DtypeOf<T>::kValue, stored, sizeof...(Dims), values);
  }

  /** The same for halves, which become floats. */
  template <class... Dims>
  void trace_half(int op, const char* blob, const void* data, int stored, Dims... dims) const {
    const std::int64_t values[] = {static_cast<std::int64_t>(dims)..., 0};
    if (traces_) trace_tensor(op, blob, data, 2, CORTADO_FLOAT32, stored, sizeof...(Dims), values);
  }

 private:
  void trace_tensor(int op, const char* blob, const void* data, std::size_t element_bytes, std::int32_t dtype, int stored, int rank,
                    const std::int64_t* dims) const;

  RunContext& host_;
  std::uint8_t* arena_;
  const std::uint8_t* weights_;
  unsigned* counters_;
  cudaStream_t stream_;
  bool traces_;
};

}  // namespace cortado
