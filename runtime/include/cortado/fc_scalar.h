// Fully connected layers on cores without vectors: eight outputs at a time, so that each input is loaded once for them, and
// four where eight would be too many. Weights (packFcScalar): [tile][k][8 or 4], zero past the last output.
#pragma once

#include "cortado/scalar_tile.h"

namespace cortado {

/** to[r] = Σ x[k] · w[k][r] for kGroups · 4 outputs; returns what follows the weights. */
template <int kGroups>
CORTADO_INLINE const float* multiply_row(int k, const float* x, const float* w, float* to) {
  float sums[kGroups][4];
  static_for<0, kGroups>([&](auto g) __attribute__((always_inline)) { static_for<0, 4>([&](auto r) __attribute__((always_inline)) { sums[g][r] = 0.0f; }); });
  const auto step = [&](float value) __attribute__((always_inline)) {
    static_for<0, kGroups>([&](auto g) __attribute__((always_inline)) {
      float weights[4];
      w = load_four(w, weights);
      static_for<0, 4>([&](auto r) __attribute__((always_inline)) { sums[g][r] = fma(value, weights[r], sums[g][r]); });
    });
  };
  int i = 0;
  for (; i + 4 <= k; i += 4, x += 4) {
    float values[4];
    load_four_more(x, values);
    static_for<0, 4>([&](auto v) __attribute__((always_inline)) { step(values[v]); });
  }
  for (; i < k; ++i) step(*x++);
  static_for<0, kGroups>([&](auto g) __attribute__((always_inline)) { static_for<0, 4>([&](auto r) __attribute__((always_inline)) { to[g * 4 + r] = sums[g][r]; }); });
  return w;
}

/** One row of x times all weights. */
template <class Ep>
CORTADO_NOINLINE void fc_scalar_row(int k, int n, const float* x, const float* w, float* y, const Ep& ep, int offset) {
  for (int first = 0; first < n;) {
    const int left = n - first;
    float sums[8];
    w = left > 4 ? multiply_row<2>(k, x, w, sums) : multiply_row<1>(k, x, w, sums);
    const float* sum = sums;
    for (int count = left < 8 ? left : 8; count > 0; --count, ++first) y[first] = finish<float, ChannelLanes>(ep, *sum++, first, offset + first);
  }
}

/** y[m, n] = ep(x[m, k] · wᵀ). Parts split the rows. */
template <class Ep>
void fc_scalar(Part part, std::int64_t m, int k, int n, const float* x, const float* w, float* y, const Ep& ep) {
  const Range share = share_of(part, m);
  for (int row = static_cast<int>(share.begin); row < static_cast<int>(share.end); ++row) fc_scalar_row(k, n, x + row * k, w, y + row * n, ep, row * n);
}

}  // namespace cortado
