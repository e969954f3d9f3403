// Convolutions of images on the ordinary units, without tiles: depthwise (one thread: a pack of channels of a few neighbouring pixels), few
// channels per group (one thread: one output), and the product with a few rows (one warp: one output), where memory is the limit.
#pragma once

#include "cortado_cuda/conv_gather.h"
#include "cortado_cuda/image.h"

namespace cortado::cuda {

/** Reads a pack of the pixel (row, col) of an image, zeros outside. */
template <class S, class V, class T>
CORTADO_DEVICE V load_inside(const T* image, int row, int col, int channel) {
  const bool inside = static_cast<unsigned>(row) < static_cast<unsigned>(S::k.in_height) && static_cast<unsigned>(col) < static_cast<unsigned>(S::k.in_width);
  return inside ? load<V>(image + static_cast<std::int64_t>(row * S::k.in_width + col) * S::k.x_stored + channel) : splat<V>(0.0f);
}

template <class S, int kStrip, class T, class Ep>
__global__ void __launch_bounds__(kLinearBlock) conv2d_depthwise_kernel(std::int64_t n, const T* x, const T* w, T* y, Ep ep) {
  begin_kernel();
  constexpr int N = kWide<T>, packs = packs_of(S::k.y_written, N), strips = static_cast<int>(ceil_div(S::k.out_width, kStrip));
  constexpr int filter_stored = dense_stored(S::k.out_channels);
  const std::int64_t item = linear_index();
  if (item >= n * S::k.out_height * strips * packs) return;
  const int channel = static_cast<int>(item % packs) * N, first = static_cast<int>(item / packs % strips) * kStrip;
  const std::int64_t row_of_all = item / packs / strips;
  const int row = static_cast<int>(row_of_all % S::k.out_height) * S::k.stride_h - S::k.pad_top;
  const T* image = x + row_of_all / S::k.out_height * S::k.in_height * S::k.in_width * S::k.x_stored;
  Pack<N> sums[kStrip];
  CORTADO_UNROLL
  for (int i = 0; i < kStrip; ++i) sums[i] = splat<Pack<N>>(0.0f);
  CORTADO_UNROLL_BY(S::k.kernel_h <= 5 ? S::k.kernel_h : 1)
  for (int kh = 0; kh < S::k.kernel_h; ++kh) {
    CORTADO_UNROLL_BY(S::k.kernel_w <= 5 ? S::k.kernel_w : 1)
    for (int kw = 0; kw < S::k.kernel_w; ++kw) {
      const Pack<N> weight = load<Pack<N>>(w + (kh * S::k.kernel_w + kw) * filter_stored + channel);
      CORTADO_UNROLL
      for (int i = 0; i < kStrip; ++i) {
        const int col = (first + i) * S::k.stride_w - S::k.pad_left + kw * S::k.dilation_w;
        sums[i] = fma(load_inside<S, Pack<N>>(image, row + kh * S::k.dilation_h, col, channel), weight, sums[i]);
      }
    }
  }
  CORTADO_UNROLL
  for (int i = 0; i < kStrip; ++i) {
    if (first + i >= S::k.out_width) return;
    const std::int64_t pixel = row_of_all * S::k.out_width + first + i;
    const Pack<N> value = finish(ep, sums[i], channel, dense_offset(pixel, S::k.out_channels, channel));
    store_channels<true>(y + pixel * S::k.y_stored, value, channel, S::k.out_channels, S::k.y_written);
  }
}

/** groups = in_channels = out_channels. Weights: [kh][kw][ceil(c / 8) · 8]. kStrip: pixels of a row per thread (1, 2 or 4). */
template <const Conv2dShape& S, int kStrip, class T, class Ep>
void conv2d_depthwise(cudaStream_t stream, std::int64_t n, const T* x, const T* w, T* y, const Ep& ep) {
  static_assert(S.groups == S.in_channels && S.groups == S.out_channels, "one filter per channel");
  static_assert(S.x_stored % kWide<T> == 0 && S.y_stored % kWide<T> == 0, "images are stored in whole packs");
  const Launch l = linear_launch(n * S.out_height * ceil_div(S.out_width, kStrip) * packs_of(S.y_written, kWide<T>));
  launch(conv2d_depthwise_kernel<ShapeType<S>, kStrip, T, Ep>, l.grid, l.block, l.shared_bytes, stream, n, x, w, y, ep);
}

template <class S, class T, class Ep>
__global__ void __launch_bounds__(kLinearBlock) conv2d_grouped_kernel(std::int64_t n, const T* x, const T* w, T* y, Ep ep) {
  begin_kernel();
  constexpr int channels = in_group(S::k), outs = out_group(S::k), pitch = filter_pitch<T>(S::k.kernel_h * S::k.kernel_w * S::k.x_read);
  const std::int64_t item = linear_index();
  if (item >= n * S::k.out_height * S::k.out_width * S::k.y_written) return;
  const int m = static_cast<int>(item % S::k.y_written);
  const std::int64_t pixel = item / S::k.y_written;
  T* to = y + pixel * S::k.y_stored + m;
  if (m >= S::k.out_channels) {
    store(to, 0.0f);
    return;
  }
  const int col = static_cast<int>(pixel % S::k.out_width) * S::k.stride_w - S::k.pad_left;
  const int row = static_cast<int>(pixel / S::k.out_width % S::k.out_height) * S::k.stride_h - S::k.pad_top;
  const T* image = x + pixel / (S::k.out_width * S::k.out_height) * S::k.in_height * S::k.in_width * S::k.x_stored;
  float sum = 0.0f;
  for (int kh = 0; kh < S::k.kernel_h; ++kh) {
    for (int kw = 0; kw < S::k.kernel_w; ++kw) {
      const T* filter = w + static_cast<std::int64_t>(m) * pitch + (kh * S::k.kernel_w + kw) * S::k.x_read;
      for (int c = 0; c < channels; ++c) {
        const float value = load_inside<S, float>(image, row + kh * S::k.dilation_h, col + kw * S::k.dilation_w, m / outs * channels + c);
        sum = fma(value, load<float>(filter + c), sum);
      }
    }
  }
  store(to, finish(ep, sum, m, dense_offset(pixel, S::k.out_channels, m)));
}

/** Any groups and channels, odd ones of Half too. Weights as for conv2d_gemm. */
template <const Conv2dShape& S, class T, class Ep>
void conv2d_grouped(cudaStream_t stream, std::int64_t n, const T* x, const T* w, T* y, const Ep& ep) {
  const Launch l = linear_launch(n * S.out_height * S.out_width * S.y_written);
  launch(conv2d_grouped_kernel<ShapeType<S>, T, Ep>, l.grid, l.block, l.shared_bytes, stream, n, x, w, y, ep);
}

inline constexpr int kGemvWarps = 8; /**< Of a block: one output each. */

template <class S, int kRows, class T, class Ep>
__global__ void __launch_bounds__(32 * kGemvWarps) conv2d_gemv_kernel(std::int64_t n, const T* x, const T* w, T* y, Ep ep) {
  begin_kernel();
  constexpr int N = kWide<T>, pitch = filter_pitch<T>(S::k.x_read);
  const int lane = static_cast<int>(threadIdx.x) % 32, m = static_cast<int>(blockIdx.x) * kGemvWarps + static_cast<int>(threadIdx.x) / 32;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * kRows;
  if (m >= S::k.y_written) return;
  float sums[kRows] = {};
  if (m < S::k.out_channels) {
    const T* filter = w + static_cast<std::int64_t>(m) * pitch;
    CORTADO_UNROLL_BY(4)
    for (int k = lane * N; k < S::k.x_read; k += 32 * N) {
      const Pack<N> weight = load<Pack<N>>(filter + k);
      CORTADO_UNROLL
      for (int r = 0; r < kRows; ++r) {
        if (first + r >= n) continue;
        const Pack<N> value = load<Pack<N>>(x + (first + r) * S::k.x_stored + k);
        for (int i = 0; i < N; ++i) sums[r] += value.lane[i] * weight.lane[i];
      }
    }
  }
  CORTADO_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const float sum = warp_sum(sums[r]);
    if (lane != 0 || first + r >= n) continue;
    store(y + (first + r) * S::k.y_stored + m, m < S::k.out_channels ? finish(ep, sum, m, dense_offset(first + r, S::k.out_channels, m)) : 0.0f);
  }
}

/** 1×1 images (a fully connected layer); a weight is read once for kRows rows of x. Weights as for conv2d_gemm; x_read in whole packs. */
template <const Conv2dShape& S, int kRows, class T, class Ep>
void conv2d_gemv(cudaStream_t stream, std::int64_t n, const T* x, const T* w, T* y, const Ep& ep) {
  static_assert(S.in_height * S.in_width * S.out_height * S.out_width * S.kernel_h * S.kernel_w * S.groups == 1, "images of one pixel");
  static_assert(S.x_read % kWide<T> == 0 && S.x_stored % kWide<T> == 0, "rows are stored in whole packs");
  const dim3 grid(static_cast<unsigned>(ceil_div(S.y_written, kGemvWarps)), static_cast<unsigned>(ceil_div(n, kRows)));
  launch(conv2d_gemv_kernel<ShapeType<S>, kRows, T, Ep>, grid, dim3(32 * kGemvWarps), 0, stream, n, x, w, y, ep);
}

}  // namespace cortado::cuda
