// Max and average pooling. Windows are clipped to the image; the average divides by the number of elements really in the
// window; the maximum starts from the lowest finite float and takes what is greater, so a NaN is skipped (as in Caffe2).
// Neighbouring windows inside the image share what they reduce of a column. Halves are compared as they are.
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
    return max_number(sofar, x);
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

/** What elements of E are reduced in. */
template <class Reduce, class E, class F>
struct PoolVector {
  using Type = F;
  static CORTADO_INLINE F start() { return Reduce::template start<F>(); }
  static CORTADO_INLINE F load(const E* x) { return cortado::load<F>(x); }
  static CORTADO_INLINE F add(F sofar, F x) { return Reduce::add(sofar, x); }
  static CORTADO_INLINE F widen(F reduced) { return reduced; }
};

#if CORTADO_HALF_ARITHMETIC
template <>
struct PoolVector<MaxReduce, Half, Vec<float, 8>> {
  using Type = EightHalves;
  static CORTADO_INLINE EightHalves start() { return splat<EightHalves>(0xfc00); }  // −infinity, which the lowest float is rounded to
  static CORTADO_INLINE EightHalves load(const Half* x) { return load_halves(x); }
  static CORTADO_INLINE EightHalves add(EightHalves sofar, EightHalves x) { return max_halves(sofar, x); }
  static CORTADO_INLINE Vec<float, 8> widen(EightHalves reduced) { return widen_half(reduced); }
};
#endif

/** Input range of a window along one axis, clipped to the image. */
CORTADO_INLINE Range clip_window(std::int64_t out, std::int64_t stride, std::int64_t pad, std::int64_t kernel, std::int64_t in) {
  const std::int64_t begin = out * stride - pad;
  return Range{max_of(begin, 0), min_of(begin + kernel, in)};
}

/** Blocked window of `rows` × `cols` pixels that begins at x. Four accumulators for windows as large as an image. */
template <int B, class Reduce, class E>
CORTADO_INLINE Vec<float, B> pool_window(const E* x, std::int64_t rows, std::int64_t cols, std::int64_t row_stride) {
  using P = PoolVector<Reduce, E, Vec<float, B>>;
  typename P::Type sofar[4] = {P::start(), P::start(), P::start(), P::start()};
  for (std::int64_t row = 0; row < rows; ++row, x += row_stride) {
    std::int64_t col = 0;
    for (; col + 4 <= cols; col += 4) {
      static_for<0, 4>([&](auto i) __attribute__((always_inline)) { sofar[i] = P::add(sofar[i], P::load(x + (col + i) * B)); });
    }
    for (; col < cols; ++col) sofar[0] = P::add(sofar[0], P::load(x + col * B));
  }
  return P::widen(P::add(P::add(sofar[0], sofar[1]), P::add(sofar[2], sofar[3])));
}

/** One output row of one block of channels: `plane` of x, the row of y, `offset` of that row for the epilogue. */
struct PoolRow {
  Range rows; /**< Input rows under the windows. */
  std::int64_t channel;
  std::int64_t offset;
};

/** Output `col` of a row, whose window may leave the image. */
template <const Pool2dShape& S, class Reduce, class Ep, class E>
CORTADO_INLINE void pool_border(const PoolRow& row, int col, const E* plane, E* y, const Ep& ep) {
  constexpr int B = S.block;
  using F = Vec<float, B>;
  constexpr std::int64_t row_stride = static_cast<std::int64_t>(S.in_width) * B;
  const Range cols = clip_window(col, S.stride_w, S.pad_left, S.kernel_w, S.in_width);
  const std::int64_t high = row.rows.end - row.rows.begin, wide = cols.end - cols.begin;
  const F reduced = pool_window<B, Reduce>(plane + row.rows.begin * row_stride + cols.begin * B, high, wide, row_stride);
  const std::int64_t at = static_cast<std::int64_t>(col) * B;
  store(y + at, finish<F, ChannelLanes>(ep, Reduce::finish(reduced, high * wide), row.channel, row.offset + at));
}

/** kPixels neighbouring outputs from `col` on, whose windows lie inside the image: their sizes are known, everything unrolls. */
template <const Pool2dShape& S, class Reduce, int kPixels, class Ep, class E>
CORTADO_INLINE void pool_tile(const PoolRow& row, int col, const E* plane, E* y, const Ep& ep) {
  constexpr int B = S.block;
  using F = Vec<float, B>;
  using P = PoolVector<Reduce, E, F>;
  constexpr std::int64_t row_stride = static_cast<std::int64_t>(S.in_width) * B;
  const E* x = plane + row.rows.begin * row_stride + (static_cast<std::int64_t>(col) * S.stride_w - S.pad_left) * B;
  typename P::Type reduced[kPixels];
  static_for<0, (kPixels - 1) * S.stride_w + S.kernel_w>([&](auto c) __attribute__((always_inline)) {
    typename P::Type column = P::add(P::start(), P::load(x + c * B));
    static_for<1, S.kernel_h>([&](auto r) __attribute__((always_inline)) { column = P::add(column, P::load(x + r * row_stride + c * B)); });
    static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
      constexpr int at = c - p * S.stride_w;
      if constexpr (at == 0) reduced[p] = column;
      if constexpr (at > 0 && at < S.kernel_w) reduced[p] = P::add(reduced[p], column);
    });
  });
  static_for<0, kPixels>([&](auto p) __attribute__((always_inline)) {
    const std::int64_t at = static_cast<std::int64_t>(col + p) * B;
    store(y + at, finish<F, ChannelLanes>(ep, Reduce::finish(P::widen(reduced[p]), S.kernel_h * S.kernel_w), row.channel, row.offset + at));
  });
}

/** y = ep(pool(x)), blocked → blocked. Parts split the output rows of all images and blocks. */
template <const Pool2dShape& S, class Reduce, class Ep, class E>
void pool2d(Part part, std::int64_t n, const E* x, E* y, const Ep& ep) {
  constexpr int B = S.block;
  constexpr std::int64_t blocks = ceil_div(S.channels, B);
  constexpr std::int64_t x_plane = static_cast<std::int64_t>(S.in_height) * S.in_width * B;
  constexpr std::int64_t y_row = static_cast<std::int64_t>(S.out_width) * B;
  constexpr std::int64_t y_plane = S.out_height * y_row;
  constexpr bool unrolls = S.kernel_h * S.kernel_w <= 16 && S.stride_w <= 4;
  constexpr int pixels = 4;
  constexpr int inside = first_inside(S.pad_left, S.stride_w);
  constexpr int inside_end = last_inside(S.in_width, S.out_width, S.kernel_w, S.stride_w, S.pad_left);
  const std::int64_t x_image = stride_or(S.x_image_stride, blocks * x_plane);
  const std::int64_t y_image = stride_or(S.y_image_stride, blocks * y_plane);
  const Range share = share_of(part, n * blocks * S.out_height);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t out_row = item % S.out_height;
    const std::int64_t block = item / S.out_height % blocks;
    const std::int64_t image = item / S.out_height / blocks;
    const std::int64_t at = block * y_plane + out_row * y_row;
    const PoolRow row{clip_window(out_row, S.stride_h, S.pad_top, S.kernel_h, S.in_height), block * B, image * blocks * y_plane + at};
    const E* plane = x + image * x_image + block * x_plane;
    E* to = y + image * y_image + at;
    int col = 0;
    if constexpr (unrolls && inside < inside_end) {
      if (row.rows.end - row.rows.begin == S.kernel_h) {
        for (; col < inside; ++col) pool_border<S, Reduce>(row, col, plane, to, ep);
        for (; col + pixels <= inside_end; col += pixels) pool_tile<S, Reduce, pixels>(row, col, plane, to, ep);
        for (; col < inside_end; ++col) pool_tile<S, Reduce, 1>(row, col, plane, to, ep);
      }
    }
    for (; col < S.out_width; ++col) pool_border<S, Reduce>(row, col, plane, to, ep);
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
