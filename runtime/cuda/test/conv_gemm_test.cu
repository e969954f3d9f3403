// conv2d_gemm against the obvious convolution: fp32, TF32 and fp16, odd shapes, groups, splits, views, every kind of tile.
#include "conv_case.h"
#include "cortado_cuda/conv2d_gemm.h"

namespace conv_gemm_test {

using namespace check;
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

inline constexpr GemmTile kTile64{64, 64, 128, 3, 2, 2, 1};
inline constexpr GemmTile kTile32{64, 32, 64, 4, 2, 1, 1};
inline constexpr GemmTile kSplit{64, 64, 64, 4, 2, 2, 3};
inline constexpr GemmTile kDeep{32, 64, 128, 4, 1, 4, 5};

// in, ih, iw, out, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw, groups, x_read, x_stored, y_written, y_stored
inline constexpr Conv2dShape kThree{16, 9, 11, 24, 9, 11, 3, 3, 1, 1, 1, 1, 1, 1, 1, 16, 16, 24, 24};
inline constexpr Conv2dShape kFirst{3, 21, 23, 13, 8, 9, 7, 7, 3, 3, 3, 3, 1, 1, 1, 4, 8, 16, 16};
inline constexpr Conv2dShape kPointwise{40, 7, 7, 72, 7, 7, 1, 1, 1, 1, 0, 0, 1, 1, 1, 40, 40, 72, 72};
inline constexpr Conv2dShape kPointStride{24, 9, 9, 20, 5, 5, 1, 1, 2, 2, 0, 0, 1, 1, 1, 24, 24, 24, 24};
inline constexpr Conv2dShape kDilated{10, 13, 12, 9, 9, 12, 3, 2, 1, 1, 0, 1, 2, 2, 1, 10, 16, 9, 40};
inline constexpr Conv2dShape kGrouped{24, 6, 5, 36, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 3, 8, 24, 40, 40};
inline constexpr Conv2dShape kCropped{8, 10, 10, 8, 4, 5, 3, 3, 2, 2, -1, 1, 1, 1, 1, 8, 8, 8, 8};
inline constexpr Conv2dShape kDense{130, 1, 1, 77, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 136, 136, 80, 80};
inline constexpr Conv2dShape kDeepSum{64, 5, 5, 64, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64, 64, 64, 64};
inline constexpr Conv2dShape kOddChannels{5, 7, 6, 7, 7, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 5, 5, 7, 7};
inline constexpr Conv2dShape kOddGroups{34, 6, 5, 38, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 2, 17, 40, 40, 40};
inline constexpr Conv2dShape kFullGroups{34, 6, 5, 62, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 2, 17, 40, 64, 72};  // no column of the last group is padding

// The tiles that the compiler chooses from (src/plan/kernels/device/gemm-tile.ts); a test there reads these lines.
inline constexpr GemmTile kPlanned1{64, 64, 128, 4, 2, 2, 2};
inline constexpr GemmTile kPlanned2{128, 128, 64, 4, 2, 4, 1};
inline constexpr GemmTile kPlanned3{128, 64, 64, 4, 2, 2, 1};
inline constexpr GemmTile kPlanned4{64, 128, 64, 4, 2, 2, 1};
inline constexpr GemmTile kPlanned5{64, 32, 128, 4, 2, 2, 1};
inline constexpr GemmTile kPlanned6{32, 64, 128, 4, 2, 2, 2};
inline constexpr GemmTile kPlanned7{32, 32, 128, 4, 2, 2, 2};
inline constexpr GemmTile kPlanned8{64, 64, 64, 4, 2, 2, 1};
inline constexpr GemmTile kPlanned9{128, 64, 64, 4, 4, 1, 1};
inline constexpr GemmTile kPlanned10{32, 64, 128, 4, 1, 4, 3};
inline constexpr Conv2dShape kOdd{24, 9, 17, 72, 9, 17, 3, 3, 1, 1, 1, 1, 1, 1, 1, 24, 24, 72, 72};

template <class Math>
void tensor_tiles(const std::string& math) {
  run_case<kOdd, kPlanned1, Math>(math + " 64x64 of 128 bytes", 1);
  run_case<kOdd, kPlanned2, Math>(math + " 128x128", 1);
  run_case<kOdd, kPlanned3, Math>(math + " 128x64", 1);
  run_case<kOdd, kPlanned4, Math>(math + " 64x128", 1);
  run_case<kOdd, kPlanned5, Math>(math + " 64x32", 1);
  run_case<kOdd, kPlanned6, Math>(math + " 32x64", 1);
  run_case<kOdd, kPlanned7, Math>(math + " 32x32", 1);
}

void float_tiles() {
  run_case<kOdd, kPlanned8, FloatMath>("fp32 64x64", 1);
  run_case<kOdd, kPlanned9, FloatMath>("fp32 128x64", 1);
  run_case<kOdd, kPlanned5, FloatMath>("fp32 64x32", 1);
  run_case<kOdd, kPlanned10, FloatMath>("fp32 32x64", 1);
  run_case<kOdd, kPlanned7, FloatMath>("fp32 32x32", 1);
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

void check_all_banks() {
  check_banks<kPlanned2, HalfMath>("fp16 128x128");
  check_banks<kPlanned3, HalfMath>("fp16 128x64");
  check_banks<kPlanned4, Tf32Math>("tf32 64x128");
  check_banks<kPlanned5, HalfMath>("fp16 64x32 of 128 bytes");
  check_banks<kPlanned8, FloatMath>("fp32 64x64");
  check_banks<kPlanned9, FloatMath>("fp32 128x64");
  check_banks<kPlanned5, FloatMath>("fp32 64x32 of 128 bytes");
}
#endif

template <class Math>
void all_shapes(const std::string& math) {
  run_case<kThree, kTile64, Math>(math + " 3x3", 2);
  run_case<kFirst, kTile64, Math>(math + " 7x7 of 3 channels, stride 3", 1);
  run_case<kPointwise, kTile32, Math>(math + " 1x1", 3);
  run_case<kPointStride, kTile64, Math>(math + " 1x1 stride 2", 1);
  run_case<kDilated, kTile32, Math>(math + " dilated into a slice", 1);
  run_case<kGrouped, kTile64, Math>(math + " three groups", 2);
  run_case<kCropped, kTile64, Math>(math + " negative pad", 1);
  run_case<kOddChannels, kTile64, Math>(math + " odd channels", 2);
  run_case<kOddGroups, kTile32, Math>(math + " groups of odd channels", 1);
  run_case<kFullGroups, kTile32, Math>(math + " groups that leave no column for the padding", 1);
  run_case<kDense, kTile32, Math>(math + " fully connected", 5);
  run_case<kDeepSum, kSplit, Math>(math + " split in 3", 1);
  run_case<kDeepSum, kDeep, Math>(math + " split in 5, 32 rows", 3);
}

}  // namespace conv_gemm_test

int main() {
  using namespace conv_gemm_test;
  all_shapes<FloatMath>("fp32");
  all_shapes<Tf32Math>("tf32");
  all_shapes<HalfMath>("fp16");
  float_tiles();
  tensor_tiles<Tf32Math>("tf32");
  tensor_tiles<HalfMath>("fp16");

#if defined(CORTADO_CUDA_EMULATION)
  check_all_banks();
#endif
  return report();
}
