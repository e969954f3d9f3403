// Instance normalization: y = (x − mean)/√(var + epsilon) · scale[c] + bias[c], mean and biased variance over the pixels of
// each image and channel, in two passes (the variance sums squares of differences, so nothing cancels).
#pragma once

#include "cortado/storage.h"
#include "cortado/math.h"

namespace cortado {

/** Σ f(x[i·kStep]) with four vector accumulators. Plain rows: kStep = lanes, tail handled by the caller. */
template <class F, int kStep, class E, class Term>
CORTADO_INLINE F sum_terms(const E* x, std::int64_t count, const Term& term) {
  F sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    static_for<0, 4>([&](auto k) __attribute__((always_inline)) { sums[k] = sums[k] + term(load<F>(x + (i + k) * kStep)); });
  }
  for (; i < count; ++i) sums[0] = sums[0] + term(load<F>(x + i * kStep));
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/** Plain. Parts split the planes. In place allowed. mean, inv_stdev: [n, c] or null. */
inline void instance_norm_plain(Part part, std::int64_t n, std::int64_t channels, std::int64_t pixels, float epsilon, const float* x,
                                const float* scale, const float* bias, float* y, float* mean = nullptr, float* inv_stdev = nullptr) {
  constexpr int W = kFloatLanes;
  using F = Vec<float, W>;
  const Range share = share_of(part, n * channels);
  for (std::int64_t plane = share.begin; plane < share.end; ++plane) {
    const float* from = x + plane * pixels;
    float* to = y + plane * pixels;
    const std::int64_t whole = pixels / W;
    float sum = sum_lanes(sum_terms<F, W>(from, whole, [](F v) __attribute__((always_inline)) { return v; }));
    for (std::int64_t p = whole * W; p < pixels; ++p) sum += from[p];
    const float center = sum / static_cast<float>(pixels);
    float squares = sum_lanes(sum_terms<F, W>(from, whole, [center](F v) __attribute__((always_inline)) { return (v - center) * (v - center); }));
    for (std::int64_t p = whole * W; p < pixels; ++p) squares += (from[p] - center) * (from[p] - center);
    const float inverse = 1.0f / sqrt(squares / static_cast<float>(pixels) + epsilon);
    const float factor = inverse * scale[plane % channels], shift = bias[plane % channels];
    std::int64_t p = 0;
    for (; p + W <= pixels; p += W) store(to + p, fma(load<F>(from + p) - center, splat<F>(factor), splat<F>(shift)));
    for (; p < pixels; ++p) to[p] = fma(from[p] - center, factor, shift);
    if (mean != nullptr) mean[plane] = center;
    if (inv_stdev != nullptr) inv_stdev[plane] = inverse;
  }
}

/** Blocked; scale and bias padded to whole blocks. Parts split the blocks of all images. In place allowed. */
template <int B, class E>
void instance_norm_blocked(Part part, std::int64_t n, std::int64_t channels, std::int64_t pixels, float epsilon, const E* x,
                           const float* scale, const float* bias, E* y) {
  using F = Vec<float, B>;
  const std::int64_t blocks = ceil_div(channels, B);
  const Range share = share_of(part, n * blocks);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t channel = item % blocks * B;
    const E* from = x + item * pixels * B;
    E* to = y + item * pixels * B;
    const float count = static_cast<float>(pixels);
    const F center = sum_terms<F, B>(from, pixels, [](F v) __attribute__((always_inline)) { return v; }) / count;
    const F squares = sum_terms<F, B>(from, pixels, [center](F v) __attribute__((always_inline)) { return (v - center) * (v - center); });
    const F inverse = splat<F>(1.0f) / sqrt(squares / count + epsilon);
    const F factor = inverse * load<F>(scale + channel), shift = load<F>(bias + channel);
    for (std::int64_t p = 0; p < pixels; ++p) store(to + p * B, fma(load<F>(from + p * B) - center, factor, shift));
  }
}

}  // namespace cortado
