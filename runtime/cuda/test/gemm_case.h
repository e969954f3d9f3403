// One case of conv2d_gemm in any arithmetic and tile: odd shapes, bias, residual, a slice of y, sums split over blocks.
#pragma once

#include "conv_case.h"
#include "cortado_cuda/conv2d_gemm.h"

namespace check {

using cortado::cuda::FloatMath;
using cortado::cuda::GemmTile;
using cortado::cuda::HalfMath;
using cortado::cuda::NoEpilogue;
using cortado::cuda::Tf32Math;

template <class Math>
constexpr Rounding rounding_of() {
  return std::is_same_v<Math, HalfMath> ? as_half : std::is_same_v<Math, Tf32Math> ? as_tf32 : as_float;
}

/** fp16 results are rounded to 11 bits; sums themselves to 24. */
template <class Math>
constexpr double tolerance_of() {
  return std::is_same_v<Math, HalfMath> ? 1e-3 : 1e-5;
}

/** n images through the kernel in both orders of threads, against the obvious convolution. */
template <const Conv2dShape& S, const GemmTile& T, class Math>
void run_case(const std::string& name, int n) {
  using Element = typename Math::Element;
  const ConvNumbers in = conv_numbers(S, n);
  std::vector<double> expected = convolve(S, n, in, rounding_of<Math>());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] += static_cast<double>(in.bias[i % S.out_channels]) + static_cast<double>(rounded<Element>(in.residual[i]));
    expected[i] = expected[i] > 0 ? expected[i] : 0;
  }
  const DeviceArray<Element> x(to_stored<Element>(in.x, S.in_channels, S.groups == 1 ? std::max(S.x_read, S.in_channels) : S.in_channels, S.x_stored));
  const DeviceArray<Element> w(pack_filters<Element>(S, in.filters, rounding_of<Math>()));
  const int dense = cortado::cuda::dense_stored(S.out_channels);
  const DeviceArray<Element> residual(to_stored<Element>(in.residual, S.out_channels, dense, dense));
  const DeviceArray<float> bias(in.bias);
  const DeviceArray<float> scratch(unset(static_cast<std::int64_t>(cortado::cuda::gemm_scratch_bytes<S, T, Math, false>(n) / sizeof(float))));
  const DeviceArray<unsigned> counters(std::vector<unsigned>(static_cast<std::size_t>(cortado::cuda::gemm_tiles<S, T, Math, false>(n)), 0u));
  in_both_orders([&](const char* order) {
    const std::size_t pixels = static_cast<std::size_t>(n) * S.out_height * S.out_width;
    const DeviceArray<Element> y(std::vector<Element>(pixels * S.y_stored, element_of<Element>(std::numeric_limits<float>::quiet_NaN())));
    const BiasResidualRelu<Element> ep{bias.data(), residual.data()};
    cortado::cuda::conv2d_gemm<S, T, Math>(nullptr, n, x.data(), w.data(), y.data(), ep, scratch.data(), counters.data());
    close((name + order).c_str(), written_part(name, S, y.read()), expected, tolerance_of<Math>());
  });
  for (const unsigned counter : counters.read()) {
    if (counter != 0) is_true((name + ": counters are zero afterwards").c_str(), false);
  }
}

#if defined(CORTADO_CUDA_EMULATION)
/** Every access to shared memory, copies and the finished tile included, in the fewest wavefronts; four steps of one block. */
template <const GemmTile& T, class Math>
void check_banks(const std::string& name) {
  using Element = typename Math::Element;
  constexpr int k = T.k_bytes * 4 / static_cast<int>(sizeof(Element));
  static constexpr Conv2dShape shape{k, 1, 1, T.cols, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, k, k, T.cols, T.cols};
  const DeviceArray<Element> x(elements<Element>(numbers(std::size_t{k * T.rows}, 1))), w(elements<Element>(numbers(std::size_t{k * T.cols}, 2)));
  const DeviceArray<Element> y(elements<Element>(unset(T.rows * T.cols)));
  cortado::cuda::emulation::BankLog& log = cortado::cuda::emulation::bank_log();
  log = cortado::cuda::emulation::BankLog{};
  log.counting = true;
  cortado::cuda::conv2d_gemm<shape, T, Math>(nullptr, T.rows, x.data(), w.data(), y.data(), NoEpilogue{}, nullptr, nullptr);
  cudaDeviceSynchronize();
  log.counting = false;
  std::printf("     %s: %lld wavefronts, %lld at least\n", name.c_str(), static_cast<long long>(log.wavefronts), static_cast<long long>(log.least));
  is_true((name + ": no bank conflicts").c_str(), log.instructions > 0 && log.wavefronts == log.least);
}
#endif

}  // namespace check
