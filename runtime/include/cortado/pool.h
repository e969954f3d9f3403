// Max and average pooling. Windows are clipped to the image; the average divides by the number of elements really in the
// window; the maximum starts from the lowest finite float and takes what is greater, so a NaN is skipped (as in Caffe2).
#pragma once

#include <cfloat>

#include "cortado/epilogue.h"

namespace cortado {

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
  int block;
  std::int64_t x_image_stride; /**< Elements between images of x; 0 = dense. */
  std::int64_t y_image_stride; /**< Elements between images of y; 0 = dense. */
};

struct MaxReduce {
  template <class V>
  static CORTADO_INLINE V start() {
    return splat<V>(-FLT_MAX);
  }
  template <class V>
  static CORTADO_INLINE V add(V sofar, V x) {
    return max(sofar, x);
  }
  template <class V>
  static CORTADO_INLINE V finish(V sofar, std::int64_t) {
    return sofar;
  }
};

struct AverageReduce {
  template <class V>
  static CORTADO_INLINE V start() {
    return splat<V>(0.0f);
  }
  template <class V>
  static CORTADO_INLINE V add(V sofar, V x) {
    return sofar + x;
  }
  template <class V>
  static CORTADO_INLINE V finish(V sofar, std::int64_t count) {
    return sofar / splat<V>(static_cast<float>(count));
  }
};

/** Input range of a window along one axis, clipped to the image. */
CORTADO_INLINE Range clip_window(std::int64_t out, std::int64_t stride, std::int64_t pad, std::int64_t kernel, std::int64_t in) {
  const std::int64_t begin = out * stride - pad;
  return Range{max_of(begin, 0), min_of(begin + kernel, in)};
}

/** Blocked window of `rows` × `cols` pixels that begins at x. Four accumulators for windows as large as an image. */
template <int B, class Reduce, class E>
CORTADO_INLINE Vec<float, B> pool_window(const E* x, std::int64_t rows, std::int64_t cols, std::int64_t row_stride) {
  using F = Vec<float, B>;
  F sofar[4] = {Reduce::template start<F>(), Reduce::template start<F>(), Reduce::template start<F>(), Reduce::template start<F>()};
  for (std::int64_t row = 0; row < rows; ++row, x += row_stride) {
    std::int64_t col = 0;
    for (; col + 4 <= cols; col += 4) {
      static_for<0, 4>([&](auto i) __attribute__((always_inline)) { sofar[i] = Reduce::add(sofar[i], load<F>(x + (col + i) * B)); });
    }
    for (; col < cols; ++col) sofar[0] = Reduce::add(sofar[0], load<F>(x + col * B));
  }
  return Reduce::add(Reduce::add(sofar[0], sofar[1]), Reduce::add(sofar[2], sofar[3]));
}

/** A window that lies inside the image: its size is known, everything unrolls. */
template <int B, class Reduce, int kRows, int kCols, class E>
CORTADO_INLINE Vec<float, B> pool_whole_window(const E* x, std::int64_t row_stride) {
  using F = Vec<float, B>;
  F sofar = Reduce::template start<F>();
  static_for<0, kRows>([&](auto row) __attribute__((always_inline)) {
    static_for<0, kCols>([&](auto col) __attribute__((always_inline)) {
      sofar = Reduce::add(sofar, load<F>(x + row * row_stride + col * B));
    });
  });
  return sofar;
}

/** y = ep(pool(x)), blocked → blocked. Parts split the output rows of all images and blocks. */
template <const Pool2dShape& S, class Reduce, class Ep, class E>
void pool2d(Part part, std::int64_t n, const E* x, E* y, const Ep& ep) {
  constexpr int B = S.block;
  using F = Vec<float, B>;
  constexpr std::int64_t blocks = ceil_div(S.channels, B);
  constexpr std::int64_t row_stride = static_cast<std::int64_t>(S.in_width) * B;
  constexpr std::int64_t x_plane = S.in_height * row_stride;
  constexpr std::int64_t y_row = static_cast<std::int64_t>(S.out_width) * B;
  constexpr std::int64_t y_plane = S.out_height * y_row;
  constexpr bool unrolls = S.kernel_h * S.kernel_w <= 16;
  const std::int64_t x_image = stride_or(S.x_image_stride, blocks * x_plane);
  const std::int64_t y_image = stride_or(S.y_image_stride, blocks * y_plane);
  const Range share = share_of(part, n * blocks * S.out_height);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t out_row = item % S.out_height;
    const std::int64_t block = item / S.out_height % blocks;
    const std::int64_t image = item / S.out_height / blocks;
    const E* plane = x + image * x_image + block * x_plane;
    const std::int64_t at = block * y_plane + out_row * y_row;
    const Range rows = clip_window(out_row, S.stride_h, S.pad_top, S.kernel_h, S.in_height);
    for (int out_col = 0; out_col < S.out_width; ++out_col) {
      const Range cols = clip_window(out_col, S.stride_w, S.pad_left, S.kernel_w, S.in_width);
      const std::int64_t high = rows.end - rows.begin, wide = cols.end - cols.begin;
      const E* window = plane + rows.begin * row_stride + cols.begin * B;
      F reduced;
      if (unrolls && high == S.kernel_h && wide == S.kernel_w) {
        reduced = pool_whole_window<B, Reduce, unrolls ? S.kernel_h : 1, unrolls ? S.kernel_w : 1>(window, row_stride);
      } else {
        reduced = pool_window<B, Reduce>(window, high, wide, row_stride);
      }
      const std::int64_t pixel = at + static_cast<std::int64_t>(out_col) * B;
      store(y + image * y_image + pixel,
            finish<F, ChannelLanes>(ep, Reduce::finish(reduced, high * wide), block * B, image * blocks * y_plane + pixel));
    }
  }
}

/** Mean over all pixels, blocked [n, c, h, w] → plain [n, c]. Parts split the blocks of all images. The epilogue sees one float at a time. */
template <const Pool2dShape& S, class Ep>
void global_average_pool_to_plain(Part part, std::int64_t n, const float* x, float* y, const Ep& ep) {
  constexpr int B = S.block;
  using F = Vec<float, B>;
  constexpr std::int64_t blocks = ceil_div(S.channels, B);
  constexpr std::int64_t pixels = static_cast<std::int64_t>(S.in_height) * S.in_width;
  const std::int64_t x_image = stride_or(S.x_image_stride, blocks * pixels * B);
  const std::int64_t y_image = stride_or(S.y_image_stride, S.channels);
  const Range share = share_of(part, n * blocks);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t block = item % blocks, image = item / blocks;
    const F mean = AverageReduce::finish(pool_window<B, AverageReduce>(x + image * x_image + block * pixels * B, 1, pixels, 0), pixels);
    const int lanes = static_cast<int>(min_of(B, S.channels - block * B));
    for (int lane = 0; lane < lanes; ++lane) {
      const std::int64_t channel = block * B + lane;
      y[image * y_image + channel] = finish<float, PixelLanes>(ep, lane_of(mean, lane), channel, image * S.channels + channel);
    }
  }
}

/** Extents of a plain pooling of one to three dimensions (d, h, w; leading ones for fewer). May be filled at run time. */
struct PoolDims {
  std::int64_t channels;
  std::int64_t in[3];
  std::int64_t out[3];
  std::int64_t kernel[3];
  std::int64_t stride[3];
  std::int64_t pad[3];
};

/** y = ep(pool(x)), plain → plain. Parts split the planes. */
template <class Reduce, class Ep>
void pool_generic(Part part, std::int64_t n, const PoolDims& d, const float* x, float* y, const Ep& ep) {
  const Range share = share_of(part, n * d.channels);
  for (std::int64_t plane = share.begin; plane < share.end; ++plane) {
    const float* plane_x = x + plane * d.in[0] * d.in[1] * d.in[2];
    std::int64_t to = plane * d.out[0] * d.out[1] * d.out[2];
    for (std::int64_t od = 0; od < d.out[0]; ++od) {
      const Range depth = clip_window(od, d.stride[0], d.pad[0], d.kernel[0], d.in[0]);
      for (std::int64_t oh = 0; oh < d.out[1]; ++oh) {
        const Range rows = clip_window(oh, d.stride[1], d.pad[1], d.kernel[1], d.in[1]);
        for (std::int64_t ow = 0; ow < d.out[2]; ++ow, ++to) {
          const Range cols = clip_window(ow, d.stride[2], d.pad[2], d.kernel[2], d.in[2]);
          float sofar = Reduce::template start<float>();
          for (std::int64_t z = depth.begin; z < depth.end; ++z) {
            for (std::int64_t r = rows.begin; r < rows.end; ++r) {
              const float* row = plane_x + (z * d.in[1] + r) * d.in[2];
              for (std::int64_t c = cols.begin; c < cols.end; ++c) sofar = Reduce::add(sofar, row[c]);
            }
          }
          const std::int64_t count = (depth.end - depth.begin) * (rows.end - rows.begin) * (cols.end - cols.begin);
          y[to] = finish<float, PixelLanes>(ep, Reduce::finish(sofar, count), plane % d.channels, to);
        }
      }
    }
  }
}

}  // namespace cortado
