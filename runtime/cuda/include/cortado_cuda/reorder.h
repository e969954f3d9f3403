// Conversions between row-major [n][c][pixels] floats and images [n][pixels][stored], channels last, stored ≥ c; lanes past c become 0.
// A block moves a tile of 32 pixels × 32 channels through shared memory, so that both sides are read and written in rows.
#pragma once

#include "cortado_cuda/pack.h"

namespace cortado::cuda {

inline constexpr int kReorderTile = 32;
inline constexpr int kReorderRows = 8;

template <class T>
__global__ void to_image_kernel(int c, std::int64_t pixels, int stored, const float* x, T* y) {
  __shared__ float tile[kReorderTile][kReorderTile + 1];
  const std::int64_t first_pixel = static_cast<std::int64_t>(blockIdx.x) * kReorderTile;
  const int first_channel = static_cast<int>(blockIdx.y) * kReorderTile;
  const float* image = x + static_cast<std::int64_t>(blockIdx.z) * c * pixels;
  T* result = y + static_cast<std::int64_t>(blockIdx.z) * pixels * stored;
  const int lane = static_cast<int>(threadIdx.x);
  for (int row = static_cast<int>(threadIdx.y); row < kReorderTile; row += kReorderRows) {
    const bool exists = first_channel + row < c && first_pixel + lane < pixels;
    tile[row][lane] = exists ? image[(first_channel + row) * pixels + first_pixel + lane] : 0.0f;
  }
  __syncthreads();
  for (int row = static_cast<int>(threadIdx.y); row < kReorderTile; row += kReorderRows) {
    const bool exists = first_channel + lane < stored && first_pixel + row < pixels;
    if (exists) result[(first_pixel + row) * stored + first_channel + lane] = narrow<T>(tile[lane][row]);
  }
}

template <class T>
__global__ void to_plain_kernel(int c, std::int64_t pixels, int stored, const T* x, float* y) {
  __shared__ float tile[kReorderTile][kReorderTile + 1];
  const std::int64_t first_pixel = static_cast<std::int64_t>(blockIdx.x) * kReorderTile;
  const int first_channel = static_cast<int>(blockIdx.y) * kReorderTile;
  const T* image = x + static_cast<std::int64_t>(blockIdx.z) * pixels * stored;
  float* result = y + static_cast<std::int64_t>(blockIdx.z) * c * pixels;
  const int lane = static_cast<int>(threadIdx.x);
  for (int row = static_cast<int>(threadIdx.y); row < kReorderTile; row += kReorderRows) {
    const bool exists = first_channel + lane < stored && first_pixel + row < pixels;
    tile[row][lane] = exists ? widen(image[(first_pixel + row) * stored + first_channel + lane]) : 0.0f;
  }
  __syncthreads();
  for (int row = static_cast<int>(threadIdx.y); row < kReorderTile; row += kReorderRows) {
    const bool exists = first_channel + row < c && first_pixel + lane < pixels;
    if (exists) result[(first_channel + row) * pixels + first_pixel + lane] = tile[lane][row];
  }
}

/** One block for each tile; grids have at most 65535 images, more are launched in turn. */
template <class Kernel, class X, class Y>
void launch_reorder(cudaStream_t stream, Kernel kernel, std::int64_t n, std::int64_t c, std::int64_t pixels, std::int64_t stored, std::int64_t x_image,
                    std::int64_t y_image, const X* x, Y* y) {
  constexpr std::int64_t most = 65535;
  const dim3 block(kReorderTile, kReorderRows);
  for (std::int64_t first = 0; first < n; first += most) {
    const std::int64_t images = n - first < most ? n - first : most;
    const dim3 grid(static_cast<unsigned>(ceil_div(pixels, kReorderTile)), static_cast<unsigned>(ceil_div(stored, kReorderTile)), static_cast<unsigned>(images));
    launch(kernel, grid, block, 0, stream, static_cast<int>(c), pixels, static_cast<int>(stored), x + first * x_image, y + first * y_image);
  }
}

template <class T>
void to_image(cudaStream_t stream, std::int64_t n, std::int64_t c, std::int64_t pixels, std::int64_t stored, const float* x, T* y) {
  launch_reorder(stream, to_image_kernel<T>, n, c, pixels, stored, c * pixels, pixels * stored, x, y);
}

template <class T>
void to_plain(cudaStream_t stream, std::int64_t n, std::int64_t c, std::int64_t pixels, std::int64_t stored, const T* x, float* y) {
  launch_reorder(stream, to_plain_kernel<T>, n, c, pixels, stored, pixels * stored, c * pixels, x, y);
}

}  // namespace cortado::cuda
