// Convolutions whose operands are bf16 or halves (storage_check.h), against float64 sums of the same operands: direct, first layer,
// transposed, Winograd, depthwise, few output channels. With the instructions that are compiled in, else in portable form.
#include "storage_check.h"
#include "cortado/conv2d_depthwise.h"
#include "cortado/conv2d_direct.h"
#include "cortado/conv2d_few.h"
#include "cortado/conv2d_first.h"
#include "cortado/conv2d_winograd.h"
#include "cortado/conv_transpose.h"
#include "reference.h"

namespace {

using namespace cortado;
using check::Storage;
constexpr int B = check::kBlock;
constexpr int P = B == 16 ? 14 : 6;
using Runs = std::vector<check::LaneRun>;

/** max(acc + bias + residual, 0): not one of the forms that tiles apply in registers. */
struct BiasAddRelu {
  const float* bias;
  const Storage* residual;
  template <class V, class Lanes>
  CORTADO_INLINE V operator()(V acc, std::int64_t channel, std::int64_t offset) const {
    return max(acc + Lanes::template channel<V>(bias, channel) + load<V>(residual + offset), splat<V>(0.0f));
  }
};

/** Output channels of each tile: whole vectors. */
std::vector<int> tile_widths(int channels, int vectors) {
  std::vector<int> widths;
  for (int left = static_cast<int>(round_up(channels, B)); left > 0; left -= vectors * B) widths.push_back(left < vectors * B ? left : vectors * B);
  return widths;
}

Runs direct_runs(const Conv2dShape& s, int vectors) {
  Runs runs;
  const int channels = s.in_channels / s.groups;
  for (int g = 0; g < s.groups; ++g)
    for (const int width : tile_widths(s.out_channels / s.groups, vectors))
      for (int c = 0; c < channels; c += B) runs.push_back({channels - c < B ? channels - c : B, width, s.kernel_h * s.kernel_w});
  return runs;
}

Runs first_runs(const Conv2dShape& s, int vectors) {
  Runs runs;
  const int lanes = s.dilation_w == 1 ? s.kernel_w : 1;
  for (const int width : tile_widths(s.out_channels, vectors)) runs.push_back({lanes, width, s.in_channels * s.kernel_h * s.kernel_w / lanes});
  return runs;
}

struct Case {
  std::vector<float> x, w, bias, residual;
  std::vector<double> sums;
};

template <const Conv2dShape& S>
Case make_case(std::int64_t n) {
  const std::int64_t in_pixels = std::int64_t{S.in_height} * S.in_width, out_pixels = std::int64_t{S.out_height} * S.out_width;
  Case c{check::exact_numbers(n * S.in_channels * in_pixels, 1), check::exact_numbers(S.out_channels * (S.in_channels / S.groups) * S.kernel_h * S.kernel_w, 2),
         check::numbers(round_up(S.out_channels, B), 3), check::exact_numbers(n * S.out_channels * out_pixels, 4), {}};
  c.sums = reference::conv2d(S, n, c.x, c.w);
  return c;
}

/** sums + bias [+ residual], at least 0. */
template <const Conv2dShape& S>
std::vector<double> finished(const Case& c, bool has_residual) {
  auto expected = c.sums;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t channel = i / static_cast<std::size_t>(S.out_height * S.out_width) % static_cast<std::size_t>(S.out_channels);
    expected[i] = std::fmax(expected[i] + static_cast<double>(c.bias[channel]) + (has_residual ? static_cast<double>(c.residual[i]) : 0.0), 0.0);
  }
  return expected;
}

/** Runs `convolve(part, ep, y)` with an epilogue in registers and one that is not, and compares. */
template <const Conv2dShape& S, class Convolve>
void check_epilogues(const char* name, const Case& c, std::int64_t n, int parts, double slack, const Convolve& convolve) {
  const std::int64_t pixels = std::int64_t{S.out_height} * S.out_width;
  const auto residual = check::to_storage(check::to_blocked(c.residual, n, S.out_channels, pixels, B));
  const auto run = [&](const char* label, const auto& ep, const std::vector<double>& expected) {
    auto y = check::to_storage(check::unset(n * round_up(S.out_channels, B) * pixels));
    check::in_parts(parts, [&](Part part) { convolve(part, ep, y.data()); });
    check::rounded(label, check::to_plain(check::to_floats(y), n, S.out_channels, pixels, B), expected, slack);
  };
  run(name, BiasResidualClampOf<Storage>{c.bias.data(), residual.data(), 0.0f, kInfinityF}, finished<S>(c, true));
  run("  without residual", BiasResidualClampOf<Storage>{c.bias.data(), nullptr, 0.0f, kInfinityF}, finished<S>(c, false));
  run("  any epilogue", BiasAddRelu{c.bias.data(), residual.data()}, finished<S>(c, true));
}

template <const Conv2dShape& S, const Conv2dTile& T>
void check_direct(const char* name, std::int64_t n, int parts) {
  const Case c = make_case<S>(n);
  const auto x = check::to_storage(check::to_blocked(c.x, n, S.in_channels, std::int64_t{S.in_height} * S.in_width, B));
  const auto w = check::in_steps(reference::pack_direct(S, T.vectors, c.w), direct_runs(S, T.vectors));
  check_epilogues<S>(name, c, n, parts, check::kSumsError, [&](Part part, const auto& ep, Storage* y) {
    std::vector<Storage> scratch(conv2d_direct_scratch_bytes<S, T, Storage>() / 2);
    conv2d_direct<S, T>(part, n, x.data(), w.data(), y, ep, scratch.data());
  });
}

template <const Conv2dShape& S, const Conv2dTile& T>
void check_first(const char* name, std::int64_t n, int parts) {
  const Case c = make_case<S>(n);
  const auto w = check::in_steps(reference::pack_first(S, T.vectors, c.w), first_runs(S, T.vectors));
  check_epilogues<S>(name, c, n, parts, check::kSumsError, [&](Part part, const auto& ep, Storage* y) {
    std::vector<Storage> scratch(conv2d_first_scratch_bytes<S, T, Storage>() / 2);
    conv2d_first<S, T>(part, n, c.x.data(), w.data(), y, ep, scratch.data());
  });
}

template <const Conv2dShape& S, const WinogradTile& T>
void check_winograd(const char* name, std::int64_t n, int parts, double slack) {
  const Case c = make_case<S>(n);
  const auto x = check::to_storage(check::to_blocked(c.x, n, S.in_channels, std::int64_t{S.in_height} * S.in_width, B));
  Runs runs;
  for (const int width : tile_widths(S.out_channels, T.vectors)) runs.push_back({S.in_channels, width, (T.outputs + 2) * (T.outputs + 2)});
  const auto w = check::in_steps(reference::pack_winograd(S, T.outputs, T.vectors, c.w), runs);
  check_epilogues<S>(name, c, n, parts, slack, [&](Part part, const auto& ep, Storage* y) {
    std::vector<float> scratch(conv2d_winograd_scratch_bytes<S, T, Storage>() / 4, std::numeric_limits<float>::quiet_NaN());
    conv2d_winograd<S, T>(part, n, x.data(), w.data(), y, ep, scratch.data());
  });
}

template <const Conv2dShape& S>
void check_depthwise(const char* name, std::int64_t n, int parts) {
  const Case c = make_case<S>(n);
  const int taps = S.kernel_h * S.kernel_w;
  const auto x = check::to_storage(check::to_blocked(c.x, n, S.in_channels, std::int64_t{S.in_height} * S.in_width, B));
  // Small filters of halves are halves.
  using Weight = std::conditional_t<check::kIsHalf, Storage, float>;
  std::vector<Weight> w(static_cast<std::size_t>(round_up(S.in_channels, B) * taps), Weight(0.0f));
  for (int m = 0; m < S.in_channels; ++m)
    for (int t = 0; t < taps; ++t) w[static_cast<std::size_t>((m / B * taps + t) * B + m % B)] = Weight(c.w[static_cast<std::size_t>(m * taps + t)]);
  check_epilogues<S>(name, c, n, parts, check::kSumsError,
                     [&](Part part, const auto& ep, Storage* y) { conv2d_depthwise<S>(part, n, x.data(), w.data(), y, ep); });
}

template <const Conv2dShape& S, const Conv2dTile& T>
void check_transpose(const char* name, int parts) {
  Case c = make_case<S>(1);
  c.sums = reference::conv2d_transpose(S, 1, c.x, c.w);
  const auto x = check::to_storage(check::to_blocked(c.x, 1, S.in_channels, std::int64_t{S.in_height} * S.in_width, B));
  Runs runs;
  for (int phase = 0; phase < S.stride_h * S.stride_w; ++phase) {
    const Conv2dShape p = phase_shape(S, phase / S.stride_w, phase % S.stride_w);
    for (const auto& run : direct_runs(p, T.vectors)) runs.push_back(run);
  }
  const auto w = check::in_steps(reference::pack_transpose(S, T.vectors, c.w), runs);
  check_epilogues<S>(name, c, 1, parts, check::kSumsError, [&](Part part, const auto& ep, Storage* y) {
    std::vector<Storage> scratch(conv2d_transpose_scratch_bytes<S, T, Storage>() / 2);
    conv2d_transpose<S, T>(part, 1, x.data(), w.data(), y, ep, scratch.data());
  });
}

/** Blocked in, plain floats out; weights are floats: one group of all output channels. */
template <const Conv2dShape& S, const Conv2dFewTile& T>
void check_few(const char* name, int parts) {
  const Case c = make_case<S>(1);
  const int taps = S.kernel_h * S.kernel_w;
  const auto x = check::to_storage(check::to_blocked(c.x, 1, S.in_channels, std::int64_t{S.in_height} * S.in_width, B));
  std::vector<float> w;
  for (int k = 0; k < S.in_channels * taps; ++k)
    for (int m = 0; m < S.out_channels; ++m) w.push_back(c.w[static_cast<std::size_t>(m * S.in_channels * taps + k)]);
  auto y = check::unset(std::int64_t{S.out_channels} * S.out_height * S.out_width);
  check::in_parts(parts, [&](Part part) {
    std::vector<float> scratch(conv2d_few_scratch_bytes<S, T, false>() / 4);
    conv2d_few<S, T, false, true>(part, 1, x.data(), w.data(), y.data(), NoEpilogue{}, scratch.data());
  });
  check::close(name, y, c.sums, 2e-5);
}

//                                       C   H   W   M  OH  OW kh kw sh sw pt pl dh dw  g  B
constexpr Conv2dTile kTile{P, 2, 4, 1};
constexpr Conv2dTile kWide{P, 1, 100, 2};
constexpr WinogradTile kTwo{2, 29, P, 2, 0};
constexpr WinogradTile kFour{4, 17, P, 2, 0};
constexpr Conv2dFewTile kFew{3, 2, 4};
inline constexpr Conv2dShape kPoint{2 * B, 9, 11, 4 * B, 9, 11, 1, 1, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kPointTails{B + 3, 7, 7, 3 * B - 1, 7, 7, 1, 1, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kPointStride{2 * B, 14, 14, 2 * B, 7, 7, 1, 1, 2, 2, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kSame{3 * B, 10, 29, 2 * B, 10, 29, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kSmall{2 * B + 1, 7, 7, 5, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kStride{B, 15, 31, 3 * B, 8, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kGroups{4 * B, 6, 6, 6 * B, 6, 6, 3, 3, 1, 1, 1, 1, 1, 1, 2, B, 0, 0};
inline constexpr Conv2dShape kFirst7{3, 32, 40, 2 * B, 16, 20, 7, 7, 2, 2, 3, 3, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirst3{3, 21, 31, B + 4, 10, 15, 3, 3, 2, 2, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirstNarrow{3, 9, 5, B, 7, 3, 3, 3, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirstEven{2, 12, 12, B, 9, 9, 4, 4, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirstPoint{3, 9, 11, B, 9, 11, 1, 1, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirstDilated{2, 16, 16, B, 16, 16, 3, 3, 1, 1, 2, 2, 2, 2, 1, B, 0, 0};
inline constexpr Conv2dShape kWinograd{2 * B + 3, 13, 22, 3 * B - 2, 13, 22, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kDepthwise{B + 3, 9, 33, B + 3, 5, 17, 3, 3, 2, 2, 1, 1, 1, 1, B + 3, B, 0, 0};
inline constexpr Conv2dShape kTransposed{B + 1, 7, 9, B + 2, 14, 18, 4, 3, 2, 2, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFewOut{B + 3, 8, 40, 3, 8, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};

}  // namespace

int main() {
#if defined(CORTADO_BF16_INSTRUCTIONS)
  std::printf("AVX512-BF16 instructions are compiled in\n");
#endif
#if CORTADO_HALF_ARITHMETIC
  std::printf("half-precision arithmetic is compiled in\n");
#endif
  check_direct<kPoint, kTile>("1x1", 2, 1);
  check_direct<kPoint, kWide>("1x1, one band", 1, 3);
  check_direct<kPointTails, kTile>("1x1, odd channels, NaN behind them", 2, 2);
  check_direct<kPointStride, kTile>("1x1 stride 2", 1, 1);
  check_direct<kSame, kTile>("3x3 pad 1, 5 parts", 2, 5);
  check_direct<kSmall, kTile>("3x3 pad 1, odd channels, rows share a tile", 3, 2);
  check_direct<kStride, kTile>("3x3 stride 2", 1, 1);
  check_direct<kGroups, kTile>("3x3 groups 2", 2, 3);
  check_first<kFirst7, kTile>("first 7x7 stride 2 pad 3", 2, 3);
  check_first<kFirst3, kTile>("first 3x3 stride 2, nothing padded", 1, 1);
  check_first<kFirstNarrow, kTile>("first 3x3, rows share a tile", 2, 2);
  check_first<kFirstEven, kTile>("first 4x4", 1, 1);
  check_first<kFirstPoint, kTile>("first 1x1", 2, 3);
  check_first<kFirstDilated, kTile>("first 3x3 dilation 2", 1, 1);
  check_winograd<kWinograd, kTwo>("Winograd F(2x2), odd channels", 2, 3, check::kIsHalf ? 4e-3 : 1e-2);
  check_winograd<kWinograd, kFour>("Winograd F(4x4), odd channels", 2, 3, check::kIsHalf ? 1e-2 : 3e-2);
  check_depthwise<kDepthwise>("depthwise 3x3 stride 2", 2, 3);
  check_transpose<kTransposed, kTile>("transposed 4x3 stride 2", 3);
  check_few<kFewOut, kFew>("few output channels from blocked input", 2);
  return check::report();
}
