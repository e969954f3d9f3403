// Support for the tests of device kernels: tensors of images (channels last) with poisoned gaps, half and float alike, and the obvious
// convolution in doubles. Programs run through the emulation, or on a device when nvcc compiled them.
#pragma once

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "cortado_cuda/expression.h"
#include "kernel_check.h"

namespace check {

using cortado::cuda::Half;

#if defined(CORTADO_CUDA_EMULATION)
inline float value_of(float x) { return x; }
inline float value_of(Half x) { return cortado::cuda::to_float(x); }
template <class T>
T element_of(float x) {
  if constexpr (std::is_same_v<T, Half>) {
    return cortado::cuda::to_half(x);
  } else {
    return x;
  }
}
#else
inline float value_of(float x) { return x; }
inline float value_of(Half x) { return __half2float(x); }
template <class T>
T element_of(float x) {
  if constexpr (std::is_same_v<T, Half>) {
    return __float2half_rn(x);
  } else {
    return x;
  }
}
#endif

/** Memory of the device; aborts on an error of the runtime. */
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& values) : count_(values.size()) {
    require(cudaMalloc(reinterpret_cast<void**>(&data_), count_ == 0 ? 1 : bytes()));
    if (count_ > 0) require(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice));
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data_); }

  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    require(cudaDeviceSynchronize());
    require(cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  static void require(cudaError_t status) {
    if (status == cudaSuccess) return;
    std::printf("FAIL the runtime reports error %d\n", static_cast<int>(status));
    std::exit(1);
  }
  std::size_t bytes() const { return count_ * sizeof(T); }

  T* data_ = nullptr;
  std::size_t count_;
};

template <class T>
std::vector<T> elements(const std::vector<float>& values) {
  std::vector<T> result;
  for (const float value : values) result.push_back(element_of<T>(value));
  return result;
}

template <class T>
std::vector<float> values(const std::vector<T>& elements) {
  std::vector<float> result;
  for (const T& element : elements) result.push_back(value_of(element));
  return result;
}

/** What a T holds of a number. */
template <class T>
float rounded(float x) {
  return value_of(element_of<T>(x));
}

/** How operands are rounded before they are multiplied. */
using Rounding = float (*)(float);

inline float as_float(float x) { return x; }
inline float as_half(float x) { return rounded<Half>(x); }
/** 10 bits of fraction, halves away from zero. */
inline float as_tf32(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  bits = (bits + 0x1000u) & 0xffffe000u;
  std::memcpy(&x, &bits, 4);
  return x;
}

/** [pixels][channels] → [pixels][stored]: channels in [channels, finite) are 0, those past `finite` NaN. */
template <class T>
std::vector<T> to_stored(const std::vector<float>& x, std::int64_t channels, std::int64_t finite, std::int64_t stored) {
  const std::int64_t pixels = static_cast<std::int64_t>(x.size()) / channels;
  std::vector<T> result(static_cast<std::size_t>(pixels * stored), element_of<T>(std::numeric_limits<float>::quiet_NaN()));
  for (std::int64_t p = 0; p < pixels; ++p) {
    for (std::int64_t c = 0; c < finite; ++c) {
      result[static_cast<std::size_t>(p * stored + c)] = element_of<T>(c < channels ? x[static_cast<std::size_t>(p * channels + c)] : 0.0f);
    }
  }
  return result;
}

/** Runs the case with threads in both orders: a kernel that lacks a barrier differs. */
inline void in_both_orders(const std::function<void(const char* order)>& body) {
#if defined(CORTADO_CUDA_EMULATION)
  using cortado::cuda::emulation::ThreadOrder;
  for (const ThreadOrder order : {ThreadOrder::kAscending, ThreadOrder::kDescending}) {
    cortado::cuda::emulation::set_thread_order(order);
    body(order == ThreadOrder::kAscending ? "" : " (descending)");
  }
#else
  body("");
#endif
}

}  // namespace check
