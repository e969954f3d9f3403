// One case of conv2d_transpose_gemm against the obvious scatter: filters packed phase by phase as KERNELS.md says.
#pragma once

#include "gemm_case.h"

namespace check {

/** y[oy][ox][m] += x[iy][ix][c] · W[c][m][kh][kw] at oy = iy · stride − pad + kh; W comes as [c][kh][kw][m]. */
inline std::vector<double> scatter(const Conv2dShape& s, int n, const ConvNumbers& in, Rounding round) {
  std::vector<double> y(static_cast<std::size_t>(n * s.out_height * s.out_width * s.out_channels), 0.0);
  for (int i = 0; i < n * s.in_height * s.in_width; ++i) {
    const int image = i / s.in_width / s.in_height, iy = i / s.in_width % s.in_height, ix = i % s.in_width;
    for (int tap = 0; tap < s.kernel_h * s.kernel_w; ++tap) {
      const int oy = iy * s.stride_h - s.pad_top + tap / s.kernel_w, ox = ix * s.stride_w - s.pad_left + tap % s.kernel_w;
      if (oy < 0 || ox < 0 || oy >= s.out_height || ox >= s.out_width) continue;
      for (int c = 0; c < s.in_channels; ++c) {
        const double value = static_cast<double>(round(in.x[static_cast<std::size_t>(i * s.in_channels + c)]));
        for (int m = 0; m < s.out_channels; ++m) {
          const float weight = in.filters[static_cast<std::size_t>((c * s.kernel_h * s.kernel_w + tap) * s.out_channels + m)];
          y[static_cast<std::size_t>(((image * s.out_height + oy) * s.out_width + ox) * s.out_channels + m)] += value * static_cast<double>(round(weight));
        }
      }
    }
  }
  return y;
}

/** As KERNELS.md says: a block per phase, taps descending. */
template <class T>
std::vector<T> pack_phases(const Conv2dShape& s, const std::vector<float>& filters, Rounding round) {
  std::vector<T> packed;
  for (int phase = 0; phase < s.stride_h * s.stride_w; ++phase) {
    const int fh = phase / s.stride_w, fw = phase % s.stride_w;
    std::vector<int> rows, cols;
    for (int kh = s.kernel_h - 1; kh >= 0; --kh) {
      if ((kh - fh - s.pad_top) % s.stride_h == 0) rows.push_back(kh);
    }
    for (int kw = s.kernel_w - 1; kw >= 0; --kw) {
      if ((kw - fw - s.pad_left) % s.stride_w == 0) cols.push_back(kw);
    }
    const int pitch = cortado::cuda::filter_pitch<T>(static_cast<int>(rows.size() * cols.size()) * s.x_read);
    const std::size_t first = packed.size();
    packed.resize(first + static_cast<std::size_t>(pitch * s.out_channels), element_of<T>(0.0f));
    for (int m = 0; m < s.out_channels; ++m) {
      std::size_t at = first + static_cast<std::size_t>(m * pitch);
      for (const int kh : rows) {
        for (const int kw : cols) {
          for (int c = 0; c < s.in_channels; ++c) {
            const int tap = kh * s.kernel_w + kw;
            const float weight = filters[static_cast<std::size_t>((c * s.kernel_h * s.kernel_w + tap) * s.out_channels + m)];
            packed[at + static_cast<std::size_t>(c)] = element_of<T>(round(weight));
          }
          at += static_cast<std::size_t>(s.x_read);
        }
      }
    }
  }
  packed.resize(packed.size() + 8, element_of<T>(0.0f));
  return packed;
}

template <const Conv2dShape& S, const GemmTile& T, class Math>
void run_transposed(const char* name, int n) {
  using Element = typename Math::Element;
  const Rounding round = rounding_of<Math>();
  const ConvNumbers in = conv_numbers(S, n);
  std::vector<double> expected = scatter(S, n, in, round);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += static_cast<double>(in.bias[i % S.out_channels]);
  const DeviceArray<Element> x(to_stored<Element>(in.x, S.in_channels, std::max(S.x_read, S.in_channels), S.x_stored));
  const DeviceArray<Element> w(pack_phases<Element>(S, in.filters, round));
  const DeviceArray<float> bias(in.bias);
  const DeviceArray<float> scratch(unset(static_cast<std::int64_t>(cortado::cuda::gemm_scratch_bytes<S, T, Math, true>(n) / sizeof(float))));
  const DeviceArray<unsigned> counters(std::vector<unsigned>(static_cast<std::size_t>(cortado::cuda::gemm_tiles<S, T, Math, true>(n)), 0u));
  in_both_orders([&](const char* order) {
    const std::size_t pixels = static_cast<std::size_t>(n) * S.out_height * S.out_width;
    const DeviceArray<Element> y(std::vector<Element>(pixels * S.y_stored, element_of<Element>(std::numeric_limits<float>::quiet_NaN())));
    cortado::cuda::conv2d_transpose_gemm<S, T, Math>(nullptr, n, x.data(), w.data(), y.data(), BiasOnly{bias.data()}, scratch.data(), counters.data());
    close((std::string(name) + order).c_str(), written_part(name, S, y.read()), expected, tolerance_of<Math>());
  });
}

}  // namespace check
