// Pooling of images. Windows are clipped to the image; the average divides by the number of pixels really in the window; the maximum starts
// from the lowest finite float and takes what is greater, so a NaN is skipped (as in Caffe2).
#pragma once

#include <cfloat>

#include "cortado_cuda/image.h"

namespace cortado::cuda {

struct Pool2dShape {
  int channels;
  int in_height;
  int in_width;
  int out_height;
  int out_width;
  int kernel_h;
  int kernel_w;
  int stride_h;
  int stride_w;
  int pad_top;
  int pad_left;
  int x_stored;
  int y_written;
  int y_stored;
};

template <int... kFields>
struct PoolOf {
  static constexpr Pool2dShape k{kFields...};
};
template <const Pool2dShape& S>
using PoolType = PoolOf<S.channels, S.in_height, S.in_width, S.out_height, S.out_width, S.kernel_h, S.kernel_w, S.stride_h, S.stride_w, S.pad_top,
                        S.pad_left, S.x_stored, S.y_written, S.y_stored>;

struct MaxReduce {
  static constexpr float kStart = -FLT_MAX;
  template <class V>
  static CORTADO_DEVICE V add(const V& sofar, const V& x) {
    return max(sofar, x);
  }
  template <class V>
  static CORTADO_DEVICE V finish(const V& sofar, int) {
    return sofar;
  }
};

struct AverageReduce {
  static constexpr float kStart = 0.0f;
  template <class V>
  static CORTADO_DEVICE V add(const V& sofar, const V& x) {
    return sofar + x;
  }
  template <class V>
  static CORTADO_DEVICE V finish(const V& sofar, int count) {
    return divide(sofar, splat<V>(static_cast<float>(count)));
  }
};

template <class S, class Reduce, class T, class Ep>
struct PooledPack {
  const T* x;
  Ep ep;
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    const int col = static_cast<int>(pixel % S::k.out_width) * S::k.stride_w - S::k.pad_left;
    const int row = static_cast<int>(pixel / S::k.out_width % S::k.out_height) * S::k.stride_h - S::k.pad_top;
    const std::int64_t image = pixel / (S::k.out_width * S::k.out_height);
    const T* from = x + ((image * S::k.in_height + row) * S::k.in_width + col) * S::k.x_stored + channel;
    V sofar = splat<V>(Reduce::kStart);
    int count = 0;
    for (int kh = 0; kh < S::k.kernel_h; ++kh) {
      if (static_cast<unsigned>(row + kh) >= static_cast<unsigned>(S::k.in_height)) continue;
      for (int kw = 0; kw < S::k.kernel_w; ++kw) {
        if (static_cast<unsigned>(col + kw) >= static_cast<unsigned>(S::k.in_width)) continue;
        sofar = Reduce::add(sofar, load<V>(from + (kh * S::k.in_width + kw) * S::k.x_stored));
        count += 1;
      }
    }
    return cuda::finish(ep, Reduce::finish(sofar, count), channel, dense_offset(pixel, S::k.channels, channel));
  }
};

/** y = ep(pool(x)); one thread per pack of y. */
template <const Pool2dShape& S, class Reduce, class T, class Ep>
void pool2d_image(cudaStream_t stream, std::int64_t n, const T* x, T* y, const Ep& ep) {
  static_assert(S.x_stored % kWide<T> == 0 && S.y_stored % kWide<T> == 0, "images are stored in whole packs");
  const ImageRows rows{n * S.out_height * S.out_width, S.channels, S.x_stored, S.y_written, S.y_stored};
  each_pack(stream, rows, y, PooledPack<PoolType<S>, Reduce, T, Ep>{x, ep});
}

inline constexpr int kAveragePacks = 8;   /**< Neighbouring packs of a block … */
inline constexpr int kAverageLanes = 32;  /**< … and threads that share the pixels of one. */

template <class T, class Ep>
__global__ void __launch_bounds__(kAveragePacks* kAverageLanes)
    global_average_kernel(int pixels, int channels, int x_stored, int y_written, int y_stored, const T* x, T* y, Ep ep) {
  begin_kernel();
  constexpr int N = kWide<T>;
  __shared__ float sums[kAverageLanes][kAveragePacks][N];
  const int pack = static_cast<int>(threadIdx.x) % kAveragePacks, lane = static_cast<int>(threadIdx.x) / kAveragePacks;
  const int channel = (static_cast<int>(blockIdx.y) * kAveragePacks + pack) * N;
  const T* image = x + static_cast<std::int64_t>(blockIdx.x) * pixels * x_stored + channel;
  Pack<N> sum = splat<Pack<N>>(0.0f);
  if (channel < y_written) {
    for (int p = lane; p < pixels; p += kAverageLanes) sum = sum + load<Pack<N>>(image + static_cast<std::int64_t>(p) * x_stored);
  }
  for (int i = 0; i < N; ++i) sums[lane][pack][i] = sum.lane[i];
  __syncthreads();
  if (lane != 0 || channel >= y_written) return;
  for (int other = 1; other < kAverageLanes; ++other) {
    for (int i = 0; i < N; ++i) sum.lane[i] += sums[other][pack][i];
  }
  const std::int64_t pixel = blockIdx.x;
  const Pack<N> mean = finish(ep, divide(sum, splat<Pack<N>>(static_cast<float>(pixels))), channel, dense_offset(pixel, channels, channel));
  store_channels<true>(y + pixel * y_stored, mean, channel, channels, y_written);
}

/** Mean over all pixels: [n][rows.pixels][x_stored] → [n][y_stored]; here rows.pixels counts those of one image. */
template <class T, class Ep>
void global_average_image(cudaStream_t stream, std::int64_t n, const ImageRows& rows, const T* x, T* y, const Ep& ep) {
  const int packs = packs_of(rows.y_written, kWide<T>);
  const dim3 grid(static_cast<unsigned>(n), static_cast<unsigned>(ceil_div(packs, kAveragePacks)));
  launch(global_average_kernel<T, Ep>, grid, dim3(kAveragePacks * kAverageLanes), 0, stream, static_cast<int>(rows.pixels), rows.channels, rows.x_stored,
         rows.y_written, rows.y_stored, x, y, ep);
}

}  // namespace cortado::cuda
