// Conversions between row-major [n][c][pixels] floats and images [n][pixels][stored], channels last. An image has c channels and is
// written up to `written` of them, those past c as 0; what lies past that belongs to somebody else.
// A block moves a tile of 32 pixels × 32 channels through shared memory, so that both sides are read and written in rows.
#pragma once

#include "cortado_cuda/pack.h"

namespace cortado::cuda {

inline constexpr int kReorderTile = 32;
inline constexpr int kReorderRows = 8;

template <class T>
__global__ void to_image_kernel(int c, std::int64_t pixels, int written, int stored, const float* x, T* y) {
  begin_kernel();
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
    const bool exists = first_channel + lane < written && first_pixel + row < pixels;
    if (exists) result[(first_pixel + row) * stored + first_channel + lane] = narrow<T>(tile[lane][row]);
  }
}

template <class T>
__global__ void to_plain_kernel(int c, std::int64_t pixels, int stored, const T* x, float* y) {
  begin_kernel();
  __shared__ float tile[kReorderTile][kReorderTile + 1];
  const std::int64_t first_pixel = static_cast<std::int64_t>(blockIdx.x) * kReorderTile;
  const int first_channel = static_cast<int>(blockIdx.y) * kReorderTile;
  const T* image = x + static_cast<std::int64_t>(blockIdx.z) * pixels * stored;
  float* result = y + static_cast<std::int64_t>(blockIdx.z) * c * pixels;
  const int lane = static_cast<int>(threadIdx.x);
  for (int row = static_cast<int>(threadIdx.y); row < kReorderTile; row += kReorderRows) {
    const bool exists = first_channel + lane < c && first_pixel + row < pixels;
    tile[row][lane] = exists ? widen(image[(first_pixel + row) * stored + first_channel + lane]) : 0.0f;
  }
  __syncthreads();
  for (int row = static_cast<int>(threadIdx.y); row < kReorderTile; row += kReorderRows) {
    const bool exists = first_channel + row < c && first_pixel + lane < pixels;
    if (exists) result[(first_channel + row) * pixels + first_pixel + lane] = tile[lane][row];
  }
}

/** Sizes of a conversion. */
struct ReorderDims {
  std::int64_t n;
  std::int64_t pixels; /**< Of one image. */
  std::int64_t width;  /**< Channels that tiles must cover. */
};

/** One block for each tile; grids have at most 65535 images, more are launched in turn. submit(grid, block, first image) */
template <class Submit>
void launch_reorder(const ReorderDims& d, const Submit& submit) {
  constexpr std::int64_t most = 65535;
  const dim3 block(kReorderTile, kReorderRows);
  for (std::int64_t first = 0; first < d.n; first += most) {
    const std::int64_t images = d.n - first < most ? d.n - first : most;
    const dim3 grid(static_cast<unsigned>(ceil_div(d.pixels, kReorderTile)), static_cast<unsigned>(ceil_div(d.width, kReorderTile)), static_cast<unsigned>(images));
    submit(grid, block, first);
  }
}

/** y: images of `written` channels, `stored` elements from one pixel to the next. */
template <class T>
void to_image(cudaStream_t stream, std::int64_t n, std::int64_t c, std::int64_t pixels, std::int64_t written, std::int64_t stored, const float* x, T* y) {
  launch_reorder(ReorderDims{n, pixels, written}, [&](dim3 grid, dim3 block, std::int64_t first) {
    launch(to_image_kernel<T>, grid, block, 0, stream, static_cast<int>(c), pixels, static_cast<int>(written), static_cast<int>(stored),
           x + first * c * pixels, y + first * pixels * stored);
  });
}

/** x: images, `stored` elements from one pixel to the next. */
template <class T>
void to_plain(cudaStream_t stream, std::int64_t n, std::int64_t c, std::int64_t pixels, std::int64_t stored, const T* x, float* y) {
  launch_reorder(ReorderDims{n, pixels, c}, [&](dim3 grid, dim3 block, std::int64_t first) {
    launch(to_plain_kernel<T>, grid, block, 0, stream, static_cast<int>(c), pixels, static_cast<int>(stored), x + first * pixels * stored,
           y + first * c * pixels);
  });
}

}  // namespace cortado::cuda
