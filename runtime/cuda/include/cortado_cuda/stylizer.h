// Camera pixels to images and back for style-transfer nets: BGRA bytes, channels last, against images of three channels.
#pragma once

#include "cortado_cuda/image.h"

namespace cortado::cuda {

/** Three channels of a pixel from its four bytes. */
template <class T>
struct StylizedPack {
  const std::uint8_t* x;
  std::int64_t pixels; /**< Of one image. */
  std::int64_t noise_size;
  const float* mean;
  const float* noise;
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    V result = splat<V>(0.0f);
    for (int c = channel; c < 3; ++c) {
      const float grain = noise == nullptr ? 0.0f : noise[(3 * (pixel % pixels) + c) % noise_size];
      result.lane[c] = static_cast<float>(x[pixel * 4 + c]) - mean[c] + grain;
    }
    return result;
  }
};

/** y[n][p][c] = x[n][p][c] − mean[c] + noise[(3p + c) mod noise_size], c < 3; alpha is dropped. noise may be null. rows.pixels: of one image. */
template <class T>
void stylizer_preprocess_image(cudaStream_t stream, std::int64_t n, const ImageRows& rows, std::int64_t noise_size, const std::uint8_t* x, const float* mean,
                               const float* noise, T* y) {
  const ImageRows all{n * rows.pixels, rows.channels, rows.x_stored, rows.y_written, rows.y_stored};
  each_pack(stream, all, y, StylizedPack<T>{x, rows.pixels, noise_size, mean, noise});
}

template <class T>
__global__ void __launch_bounds__(kLinearBlock) stylizer_deprocess_kernel(std::int64_t pixels, int stored, const T* x, const float* mean, std::uint8_t* y) {
  begin_kernel();
  const std::int64_t pixel = linear_index();
  if (pixel >= pixels) return;
  std::uint32_t bytes = 0xff000000u;
  for (int c = 0; c < 3; ++c) {
    const float value = load<float>(x + pixel * stored + c) + mean[c];
    const std::uint32_t byte = value >= 255.0f ? 255u : value > 0.0f ? static_cast<std::uint32_t>(value) : 0u;
    bytes |= byte << (8 * c);
  }
  reinterpret_cast<std::uint32_t*>(y)[pixel] = bytes;
}

/** y[n][p][c] = x[n][p][c] + mean[c], clamped to 0..255 and truncated; alpha 255. `pixels` of all images, `stored` elements from one to the next. */
template <class T>
void stylizer_deprocess_image(cudaStream_t stream, std::int64_t pixels, std::int64_t stored, const T* x, const float* mean, std::uint8_t* y) {
  const Launch l = linear_launch(pixels);
  launch(stylizer_deprocess_kernel<T>, l.grid, l.block, l.shared_bytes, stream, pixels, static_cast<int>(stored), x, mean, y);
}

}  // namespace cortado::cuda
