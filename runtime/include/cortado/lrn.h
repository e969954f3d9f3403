// Local response normalization across channels: y = x · (bias + alpha/size · Σ x²)^−beta over a window of `size` channels,
// zero outside. Optional second output `scale`: the bracket.
#pragma once

#include "cortado/storage.h"
#include "cortado/math.h"

namespace cortado {

struct LrnDims {
  std::int64_t channels;
  std::int64_t pixels;
  std::int64_t size; /**< Odd; blocked: at most 2·B + 1. */
  float alpha;
  float beta;
  float bias;
};

/** base^−beta; the usual 0.75 by two square roots. base > 0 (bias ≥ 0 and alpha > 0 in every known net). */
template <class V>
CORTADO_INLINE V lrn_factor(V base, float beta) {
  const V one = splat<V>(1.0f);
  if (beta == 0.75f) return one / (sqrt(base) * sqrt(sqrt(base)));
  if (beta == 0.5f) return one / sqrt(base);
  if (beta == 1.0f) return one / base;
  return exp(splat<V>(-beta) * log(base));
}

/** `V` neighbouring pixels of one channel. */
template <class V>
CORTADO_INLINE void lrn_plain_pixels(const LrnDims& d, const float* x, std::int64_t first, std::int64_t end, float* y, float* scale) {
  V sum = splat<V>(0.0f);
  for (std::int64_t c = first; c < end; ++c) {
    const V value = load<V>(x + c * d.pixels);
    sum = fma(value, value, sum);
  }
  const V base = fma(sum, splat<V>(d.alpha / static_cast<float>(d.size)), splat<V>(d.bias));
  if (scale != nullptr) store(scale, base);
  store(y, load<V>(y) * lrn_factor(base, d.beta));
}

/** Plain. Parts split the channels of all images. Not in place. scale may be null. */
inline void lrn_plain(Part part, std::int64_t n, const LrnDims& d, const float* x, float* y, float* scale = nullptr) {
  using F = Vec<float, kFloatLanes>;
  const Range share = share_of(part, n * d.channels);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t channel = item % d.channels;
    const float* image = x + (item - channel) * d.pixels;
    const std::int64_t first = max_of(channel - d.size / 2, 0), end = min_of(channel + d.size / 2 + 1, d.channels);
    float* to = y + item * d.pixels;
    float* to_scale = scale == nullptr ? nullptr : scale + item * d.pixels;
    __builtin_memcpy(to, image + channel * d.pixels, static_cast<std::size_t>(d.pixels) * sizeof(float));
    std::int64_t p = 0;
    for (; p + kFloatLanes <= d.pixels; p += kFloatLanes) {
      lrn_plain_pixels<F>(d, image + p, first, end, to + p, to_scale == nullptr ? nullptr : to_scale + p);
    }
    for (; p < d.pixels; ++p) lrn_plain_pixels<float>(d, image + p, first, end, to + p, to_scale == nullptr ? nullptr : to_scale + p);
  }
}

/** Squares of one block at one pixel; zero in the lanes past the last channel and in blocks that do not exist. */
template <int B, class E>
CORTADO_INLINE Vec<float, B> block_squares(const E* x, std::int64_t lanes) {
  using F = Vec<float, B>;
  if (lanes <= 0) return F{};
  const F value = load<F>(x);
  if (lanes >= B) return value * value;
  F squares{};
  if constexpr (B > 1)
    for (int lane = 0; lane < static_cast<int>(lanes); ++lane) squares[lane] = value[lane] * value[lane];
  return squares;
}

inline constexpr std::int64_t kLrnPixels = 16; /**< Pixels per step: far enough apart that loads never wait for the stores just before. */

/** Squares of `count` pixels, three blocks each: the block before, this one, the one after. */
template <int B, class E>
CORTADO_INLINE void store_squares(const LrnDims& d, std::int64_t block, const E* x, std::int64_t count, float* squares) {
  const std::int64_t plane = d.pixels * B, lanes = d.channels - block * B;
  for (std::int64_t p = 0; p < count; ++p, x += B, squares += 3 * B) {
    store(squares, block > 0 ? block_squares<B>(x - plane, B) : Vec<float, B>{});
    store(squares + B, block_squares<B>(x, lanes));
    store(squares + 2 * B, lanes > B ? block_squares<B>(x + plane, lanes - B) : Vec<float, B>{});
  }
}

/** Blocked. Parts split the blocks of all images. Not in place. */
template <int B, class E>
void lrn_blocked(Part part, std::int64_t n, const LrnDims& d, const E* x, E* y) {
  using F = Vec<float, B>;
  const std::int64_t blocks = ceil_div(d.channels, B), half = d.size / 2, plane = d.pixels * B;
  const float alpha = d.alpha / static_cast<float>(d.size);
  const Range share = share_of(part, n * blocks);
  float squares[kLrnPixels * 3 * B];
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const E* from = x + item * plane;
    E* to = y + item * plane;
    for (std::int64_t first = 0; first < d.pixels; first += kLrnPixels) {
      const std::int64_t count = min_of(kLrnPixels, d.pixels - first);
      store_squares<B>(d, item % blocks, from + first * B, count, squares);
      for (std::int64_t p = 0; p < count; ++p) {
        const float* center = squares + (p * 3 + 1) * B;
        F sum{};
        for (std::int64_t shift = -half; shift <= half; ++shift) sum = sum + load<F>(center + shift);
        const F base = fma(sum, splat<F>(alpha), splat<F>(d.bias));
        store(to + (first + p) * B, load<F>(from + (first + p) * B) * lrn_factor(base, d.beta));
      }
    }
  }
}

}  // namespace cortado
