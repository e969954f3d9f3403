// conv2d_direct and conv2d_first against the reference: borders, strides, dilation, groups, channel tails, chunks, parts.
#include "cortado/conv2d_direct.h"
#include "cortado/conv2d_first.h"

#include "kernel_check.h"
#include "reference.h"

namespace {

using namespace cortado;
constexpr int B = kFloatLanes;
constexpr int P = B == 16 ? 14 : 6;

/** max(acc + bias + residual, 0): per-channel and same-shape operands. */
struct BiasAddRelu {
  const float* bias;
  const float* residual;
  template <class V, class Lanes>
  CORTADO_INLINE V operator()(V acc, std::int64_t channel, std::int64_t offset) const {
    return max(acc + Lanes::template channel<V>(bias, channel) + load<V>(residual + offset), splat<V>(0.0f));
  }
};

enum class Kind { kDirect, kFirst };

template <const Conv2dShape& S, const Conv2dTile& T, Kind K, class Ep>
void check_epilogue(const char* name, std::int64_t n, int parts, const std::vector<float>& x, const std::vector<float>& w,
                    const std::vector<double>& expected, const Ep& ep) {
  const std::int64_t in_pixels = std::int64_t{S.in_height} * S.in_width, out_pixels = std::int64_t{S.out_height} * S.out_width;
  auto y = check::unset(n * round_up(S.out_channels, B) * out_pixels);
  if constexpr (K == Kind::kDirect) {
    const auto blocked_x = check::to_blocked(x, n, S.in_channels, in_pixels, B);
    const auto packed = reference::pack_direct(S, T.vectors, w);
    check::in_parts(parts, [&](Part part) {
      std::vector<float> scratch(conv2d_direct_scratch_bytes<S, T>() / sizeof(float));
      conv2d_direct<S, T>(part, n, blocked_x.data(), packed.data(), y.data(), ep, scratch.data());
    });
  } else {
    const auto packed = reference::pack_first(S, T.vectors, w);
    check::in_parts(parts, [&](Part part) {
      std::vector<float> scratch(conv2d_first_scratch_bytes<S, T>() / sizeof(float));
      conv2d_first<S, T>(part, n, x.data(), packed.data(), y.data(), ep, scratch.data());
    });
  }
  check::close(name, check::to_plain(y, n, S.out_channels, out_pixels, B), expected, 2e-5);
}

template <const Conv2dShape& S, const Conv2dTile& T, Kind K>
void check_conv(const char* name, std::int64_t n, int parts) {
  const std::int64_t in_pixels = std::int64_t{S.in_height} * S.in_width, out_pixels = std::int64_t{S.out_height} * S.out_width;
  const auto x = check::numbers(static_cast<std::size_t>(n * S.in_channels * in_pixels), 1);
  const auto w = check::numbers(static_cast<std::size_t>(S.out_channels * (S.in_channels / S.groups) * S.kernel_h * S.kernel_w), 2);
  auto bias = check::numbers(static_cast<std::size_t>(round_up(S.out_channels, B)), 3);
  const auto residual = check::numbers(static_cast<std::size_t>(n * S.out_channels * out_pixels), 4);
  auto expected = reference::conv2d(S, n, x, w);
  const auto sums = expected;
  const auto slope = check::numbers(static_cast<std::size_t>(round_up(S.out_channels, B)), 5);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t channel = i / static_cast<std::size_t>(out_pixels) % static_cast<std::size_t>(S.out_channels);
    expected[i] += static_cast<double>(bias[channel]);
    if (expected[i] < 0) expected[i] *= static_cast<double>(slope[channel]);
  }
  check_epilogue<S, T, K>("  with slopes", n, parts, x, w, expected, BiasSlope{bias.data(), slope.data()});
  expected = sums;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t channel = i / static_cast<std::size_t>(out_pixels) % static_cast<std::size_t>(S.out_channels);
    expected[i] = std::fmax(expected[i] + static_cast<double>(bias[channel]) + static_cast<double>(residual[i]), 0.0);
  }
  const auto blocked_residual = check::to_blocked(residual, n, S.out_channels, out_pixels, B);
  check_epilogue<S, T, K>(name, n, parts, x, w, expected, BiasAddRelu{bias.data(), blocked_residual.data()});
  check_epilogue<S, T, K>("  in registers", n, parts, x, w, expected, BiasResidualClamp{bias.data(), blocked_residual.data(), 0.0f, kInfinityF});
  for (double& value : expected) value = std::fmin(value, 0.75);
  check_epilogue<S, T, K>("  with a ceiling", n, parts, x, w, expected, BiasResidualClamp{bias.data(), blocked_residual.data(), 0.0f, 0.75f});
}

/** Images apart in wider buffers give the same results, and nothing between the images is touched. */
template <const Conv2dShape& Dense, const Conv2dShape& Apart>
void check_image_strides() {
  static constexpr Conv2dTile tile{P, 2, 4, 1};
  const std::int64_t in = round_up(Dense.in_channels, B) * Dense.in_height * Dense.in_width;
  const std::int64_t out = round_up(Dense.out_channels, B) * Dense.out_height * Dense.out_width;
  const auto w = check::numbers(std::int64_t{Dense.out_channels} * Dense.in_channels * Dense.kernel_h * Dense.kernel_w, 2);
  const auto packed = reference::pack_direct(Dense, tile.vectors, w);
  const auto x = check::numbers(2 * in, 1);
  std::vector<float> wide_x(static_cast<std::size_t>(2 * Apart.x_image_stride)), y(static_cast<std::size_t>(2 * out));
  std::vector<float> wide_y(static_cast<std::size_t>(2 * Apart.y_image_stride), 7.0f), scratch(conv2d_direct_scratch_bytes<Dense, tile>() / 4);
  for (std::int64_t image = 0; image < 2; ++image) {
    std::memcpy(wide_x.data() + image * Apart.x_image_stride, x.data() + image * in, static_cast<std::size_t>(in) * sizeof(float));
  }
  const BiasResidualClamp ep{nullptr, x.data(), -1.0f, 1.0f};
  conv2d_direct<Dense, tile>(Part{0, 1}, 2, x.data(), packed.data(), y.data(), ep, scratch.data());
  conv2d_direct<Apart, tile>(Part{0, 1}, 2, wide_x.data(), packed.data(), wide_y.data(), ep, scratch.data());
  bool same = true;
  for (std::int64_t i = 0; i < 2 * Apart.y_image_stride; ++i) {
    const std::int64_t at = i % Apart.y_image_stride;
    const float expected = at < out ? y[static_cast<std::size_t>(i / Apart.y_image_stride * out + at)] : 7.0f;
    same = same && wide_y[static_cast<std::size_t>(i)] == expected;
  }
  check::is_true("image strides", same);
}

//                                       C   H   W   M  OH  OW kh kw sh sw pt pl dh dw  g  B
constexpr Conv2dTile kTile{P, 2, 4, 1};
constexpr Conv2dTile kWide{P, 1, 100, 2};
inline constexpr Conv2dShape kPoint{2 * B, 9, 11, 4 * B, 9, 11, 1, 1, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kPointTails{B + 3, 7, 7, 3 * B - 1, 7, 7, 1, 1, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kPointStride{2 * B, 14, 14, 2 * B, 7, 7, 1, 1, 2, 2, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kSame{3 * B, 10, 29, 2 * B, 10, 29, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kSmall{2 * B + 1, 7, 7, 5, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kStride{B, 15, 31, 3 * B, 8, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kDilated{B, 12, 12, B, 12, 12, 3, 3, 1, 1, 2, 2, 2, 2, 1, B, 0, 0};
inline constexpr Conv2dShape kGroups{4 * B, 6, 6, 6 * B, 6, 6, 3, 3, 1, 1, 1, 1, 1, 1, 2, B, 0, 0};
inline constexpr Conv2dShape kOddKernel{B, 8, 20, B, 8, 18, 5, 2, 1, 1, 2, -1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kTailPad{B, 8, 8, B, 5, 5, 3, 3, 2, 2, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kValid{B, 12, 20, B, 10, 18, 3, 3, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirst7{3, 32, 40, 2 * B, 16, 20, 7, 7, 2, 2, 3, 3, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirst3{3, 21, 31, B + 4, 10, 15, 3, 3, 2, 2, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirst11{1, 31, 31, 2 * B, 6, 6, 11, 11, 4, 4, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFirstDilated{2, 16, 16, B, 16, 16, 3, 3, 1, 1, 2, 2, 2, 2, 1, B, 0, 0};

inline constexpr Conv2dShape kDense{2 * B, 6, 9, 2 * B, 6, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kApart{2 * B, 6, 9, 2 * B, 6, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 3 * B * 54, 5 * B * 54};

}  // namespace

int main() {
  check_image_strides<kDense, kApart>();
  check_conv<kPoint, kTile, Kind::kDirect>("1x1", 2, 1);
  check_conv<kPoint, kWide, Kind::kDirect>("1x1, one band", 1, 3);
  check_conv<kPointTails, kTile, Kind::kDirect>("1x1, channel tails", 2, 2);
  check_conv<kPointStride, kTile, Kind::kDirect>("1x1 stride 2", 1, 1);
  check_conv<kSame, kTile, Kind::kDirect>("3x3 pad 1", 2, 1);
  check_conv<kSame, kTile, Kind::kDirect>("3x3 pad 1, 5 parts", 2, 5);
  check_conv<kSame, kWide, Kind::kDirect>("3x3 pad 1, one band", 1, 2);
  check_conv<kSmall, kTile, Kind::kDirect>("3x3 pad 1, rows share a tile", 1, 1);
  check_conv<kSmall, kWide, Kind::kDirect>("3x3 pad 1, rows share a tile, one band", 3, 2);
  check_conv<kStride, kTile, Kind::kDirect>("3x3 stride 2", 1, 1);
  check_conv<kDilated, kTile, Kind::kDirect>("3x3 dilation 2", 1, 2);
  check_conv<kGroups, kTile, Kind::kDirect>("3x3 groups 2", 2, 3);
  check_conv<kOddKernel, kTile, Kind::kDirect>("5x2, negative left pad", 1, 1);
  check_conv<kTailPad, kTile, Kind::kDirect>("3x3 stride 2, window leaves at the end only", 1, 1);
  check_conv<kValid, kTile, Kind::kDirect>("3x3 no padding", 2, 2);
  check_conv<kFirst7, kTile, Kind::kFirst>("first 7x7 stride 2 pad 3", 2, 3);
  check_conv<kFirst3, kTile, Kind::kFirst>("first 3x3 stride 2", 1, 1);
  check_conv<kFirst11, kTile, Kind::kFirst>("first 11x11 stride 4", 1, 2);
  check_conv<kFirstDilated, kTile, Kind::kFirst>("first 3x3 dilation 2", 1, 1);
  return check::report();
}
