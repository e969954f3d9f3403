// Normalizations of images: softmax over everything but the batch, local response, instance normalization.
#pragma once

#include "cortado_cuda/block_reduce.h"
#include "cortado_cuda/image.h"

namespace cortado::cuda {

inline constexpr int kSoftmaxThreads = 256;

template <class T>
__global__ void __launch_bounds__(kSoftmaxThreads) softmax_image_kernel(ImageRows rows, const T* x, T* y) {
  begin_kernel();
  const std::int64_t image = blockIdx.x;
  const T* from = x + image * rows.pixels * rows.x_stored;
  T* to = y + image * rows.pixels * rows.y_stored;
  const std::int64_t count = rows.pixels * rows.channels, first = threadIdx.x;
  const auto value = [&](std::int64_t i) { return load<float>(from + i / rows.channels * rows.x_stored + i % rows.channels); };
  float largest = -kInfinityF;
  for (std::int64_t i = first; i < count; i += kSoftmaxThreads) largest = max(largest, value(i));
  largest = block_max<kSoftmaxThreads>(largest);
  float sum = 0.0f;
  for (std::int64_t i = first; i < count; i += kSoftmaxThreads) sum += exp(value(i) - largest);
  sum = block_sum<kSoftmaxThreads>(sum);
  const std::int64_t written = rows.pixels * rows.y_written;
  for (std::int64_t i = first; i < written; i += kSoftmaxThreads) {
    const std::int64_t pixel = i / rows.y_written;
    const int channel = static_cast<int>(i % rows.y_written);
    const float result = channel < rows.channels ? exp(value(pixel * rows.channels + channel) - largest) / sum : 0.0f;
    store(to + pixel * rows.y_stored + channel, result);
  }
}

/** Softmax of each of n images over all its pixels and channels; rows.pixels counts those of one image. Row-major [n][c]: pixels = 1, strides c. Not in place. */
template <class T>
void softmax_image(cudaStream_t stream, std::int64_t n, const ImageRows& rows, const T* x, T* y) {
  launch(softmax_image_kernel<T>, dim3(static_cast<unsigned>(n)), dim3(kSoftmaxThreads), 0, stream, rows, x, y);
}

/** base^−beta; the usual 0.75 by two square roots. */
CORTADO_DEVICE float lrn_factor(float base, float beta) {
  if (beta == 0.75f) return 1.0f / (sqrt(base) * sqrt(sqrt(base)));
  return pow(base, -beta);
}

template <class T>
struct LrnPack {
  const T* x;
  ImageRows rows;
  int size;
  float alpha;
  float beta;
  float bias;
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    const T* from = x + pixel * rows.x_stored;
    const V center = load<V>(from + channel);
    V result;
    for (int lane = 0; lane < LanesOf<V>::kValue; ++lane) {
      const int first = channel + lane - size / 2, end = channel + lane + size / 2 + 1;
      float sum = 0.0f;
      for (int c = first < 0 ? 0 : first; c < end && c < rows.channels; ++c) {
        const float value = load<float>(from + c);
        sum = fma(value, value, sum);
      }
      result.lane[lane] = center.lane[lane] * lrn_factor(fma(sum, alpha / static_cast<float>(size), bias), beta);
    }
    return result;
  }
};

/** y = x · (bias + alpha / size · Σ x² over `size` (odd) neighbouring channels)^−beta. Not in place. */
template <class T>
void lrn_image(cudaStream_t stream, const ImageRows& rows, std::int64_t size, float alpha, float beta, float bias, const T* x, T* y) {
  each_pack(stream, rows, y, LrnPack<T>{x, rows, static_cast<int>(size), alpha, beta, bias});
}

inline constexpr int kMomentPacks = 8;   /**< Neighbouring packs of a block … */
inline constexpr int kMomentLanes = 32;  /**< … and threads that share the pixels of one. */
inline constexpr int kMomentThreads = kMomentPacks * kMomentLanes;

/** Pieces that the pixels of an image are cut into, so that there are blocks enough. */
constexpr int moment_pieces(std::int64_t pixels) {
  const std::int64_t pieces = ceil_div(pixels, 512);
  return static_cast<int>(pieces < 128 ? pieces : 128);
}

/** Sum of a pack over the threads of its column, in all of them. */
template <int N>
CORTADO_DEVICE Pack<N> column_sum(const Pack<N>& mine, float (&parts)[kMomentLanes][kMomentPacks][N], int lane, int pack) {
  __syncthreads();
  for (int i = 0; i < N; ++i) parts[lane][pack][i] = mine.lane[i];
  __syncthreads();
  Pack<N> sum = splat<Pack<N>>(0.0f);
  for (int other = 0; other < kMomentLanes; ++other) {
    for (int i = 0; i < N; ++i) sum.lane[i] += parts[other][pack][i];
  }
  return sum;
}

/** Mean and Σ (x − mean)² of each channel over one piece of one image: moments[image][piece][2][channels padded to 8]. */
template <class T>
__global__ void __launch_bounds__(kMomentThreads) channel_moments_kernel(ImageRows rows, const T* x, float* moments) {
  begin_kernel();
  constexpr int N = kWide<T>;
  __shared__ float parts[kMomentLanes][kMomentPacks][N];
  const int pack = static_cast<int>(threadIdx.x) % kMomentPacks, lane = static_cast<int>(threadIdx.x) / kMomentPacks;
  const int channel = (static_cast<int>(blockIdx.z) * kMomentPacks + pack) * N, stored = static_cast<int>(round_up(rows.channels, 8));
  const std::int64_t piece = blockIdx.y, pieces = gridDim.y, image = blockIdx.x;
  const std::int64_t begin = rows.pixels * piece / pieces, end = rows.pixels * (piece + 1) / pieces;
  const T* from = x + image * rows.pixels * rows.x_stored + channel;
  const bool exists = channel < rows.channels;
  Pack<N> sum = splat<Pack<N>>(0.0f);
  for (std::int64_t p = begin + lane; exists && p < end; p += kMomentLanes) sum = sum + load<Pack<N>>(from + p * rows.x_stored);
  const Pack<N> mean = divide(column_sum(sum, parts, lane, pack), splat<Pack<N>>(static_cast<float>(end - begin)));
  Pack<N> squares = splat<Pack<N>>(0.0f);
  for (std::int64_t p = begin + lane; exists && p < end; p += kMomentLanes) {
    const Pack<N> difference = load<Pack<N>>(from + p * rows.x_stored) - mean;
    squares = fma(difference, difference, squares);
  }
  squares = column_sum(squares, parts, lane, pack);
  if (!exists || lane != 0) return;
  float* to = moments + (image * pieces + piece) * 2 * stored + channel;
  store(to, mean);
  store(to + stored, squares);
}

/** Joins the pieces (Chan, Golub, LeVeque 1979): affine[image][2][channels padded to 8] = scale / √(variance + epsilon), mean. */
template <class Float>
__global__ void __launch_bounds__(kLinearBlock)
    join_moments_kernel(ImageRows rows, std::int64_t n, int pieces, float epsilon, const Float* moments, const Float* scale, Float* affine) {
  begin_kernel();
  const int stored = static_cast<int>(round_up(rows.channels, 8));
  const std::int64_t item = linear_index();
  if (item >= n * rows.channels) return;
  const std::int64_t image = item / rows.channels;
  const int channel = static_cast<int>(item % rows.channels);
  float count = 0.0f, mean = 0.0f, squares = 0.0f;
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    const float* from = moments + (image * pieces + piece) * 2 * stored + channel;
    const float more = static_cast<float>(rows.pixels * (piece + 1) / pieces - rows.pixels * piece / pieces);
    const float difference = from[0] - mean, all = count + more;
    mean += difference * (more / all);
    squares += from[stored] + difference * difference * (count * more / all);
    count = all;
  }
  const float factor = scale[channel] / sqrt(squares / count + epsilon);
  affine[image * 2 * stored + channel] = factor;
  affine[image * 2 * stored + stored + channel] = mean;
}

/** y = ep((x − mean) · factor + bias). */
template <class T, class Ep>
struct NormalizedPack {
  const T* x;
  ImageRows rows;
  std::int64_t pixels; /**< Of one image. */
  const float* affine;
  const float* bias;
  Ep ep;
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    const int stored = static_cast<int>(round_up(rows.channels, 8));
    const float* at = affine + pixel / pixels * 2 * stored + channel;
    const V value = fma(load<V>(x + pixel * rows.x_stored + channel) - load<V>(at + stored), load<V>(at), load<V>(bias + channel));
    return finish(ep, value, channel, dense_offset(pixel, rows.channels, channel));
  }
};

/** Bytes of scratch of instance_norm_image. */
constexpr std::size_t instance_norm_scratch_bytes(std::int64_t n, std::int64_t channels, std::int64_t pixels) {
  return static_cast<std::size_t>(n * (moment_pieces(pixels) + 1) * 2 * round_up(channels, 8)) * sizeof(float);
}

/** rows.pixels counts those of one image; scale, bias padded to 8. In place allowed. */
template <class T, class Ep>
void instance_norm_image(cudaStream_t stream, std::int64_t n, const ImageRows& rows, float epsilon, const T* x, const float* scale, const float* bias, T* y,
                         const Ep& ep, void* scratch) {
  const int pieces = moment_pieces(rows.pixels);
  float* moments = static_cast<float*>(scratch);
  float* affine = moments + n * pieces * 2 * round_up(rows.channels, 8);
  const dim3 grid(static_cast<unsigned>(n), static_cast<unsigned>(pieces), static_cast<unsigned>(ceil_div(packs_of(rows.channels, kWide<T>), kMomentPacks)));
  launch(channel_moments_kernel<T>, grid, dim3(kMomentThreads), 0, stream, rows, x, moments);
  const Launch join = linear_launch(n * rows.channels);
  launch(join_moments_kernel<float>, join.grid, join.block, 0, stream, rows, n, pieces, epsilon, moments, scale, affine);
  const ImageRows all{n * rows.pixels, rows.channels, rows.x_stored, rows.y_written, rows.y_stored};
  each_pack(stream, all, y, NormalizedPack<T, Ep>{x, all, rows.pixels, affine, bias, ep});
}

}  // namespace cortado::cuda
