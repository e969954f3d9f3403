// conv2d_winograd against the reference: both sizes, borders, channel tails, groups of tiles, parts; and how large its error
// is beside that of the direct convolution.
#include "cortado/conv2d_direct.h"
#include "cortado/conv2d_winograd.h"

#include "kernel_check.h"
#include "reference.h"

namespace {

using namespace cortado;
constexpr int B = kFloatLanes;
constexpr int P = B == 16 ? 14 : 6;

/** [m][c][3][3] → [m_tile][c][kh][kw][v][B]. */
std::vector<float> pack_raw(const Conv2dShape& s, int vectors, const std::vector<float>& w) {
  const int blocks = static_cast<int>(ceil_div(s.out_channels, B));
  std::vector<float> packed;
  for (int first = 0; first < blocks; first += vectors)
    for (int step = 0; step < 9 * s.in_channels; ++step)
      for (int m = first * B; m < (first + vectors) * B && m < blocks * B; ++m)
        packed.push_back(m < s.out_channels ? w[static_cast<std::size_t>(m * 9 * s.in_channels + step)] : 0.0f);
  return packed;
}

template <const Conv2dShape& S, const WinogradTile& T>
std::vector<float> pack(const std::vector<float>& w) {
  return T.chunk_blocks == 0 ? reference::pack_winograd(S, T.outputs, T.vectors, w) : pack_raw(S, T.vectors, w);
}

template <const Conv2dShape& S, const WinogradTile& T>
void check_winograd(const char* name, std::int64_t n, int parts) {
  const std::int64_t in_pixels = std::int64_t{S.in_height} * S.in_width, out_pixels = std::int64_t{S.out_height} * S.out_width;
  const auto x = check::numbers(n * S.in_channels * in_pixels, 1);
  const auto w = check::numbers(std::int64_t{S.out_channels} * S.in_channels * 9, 2);
  const auto bias = check::numbers(round_up(S.out_channels, B), 3);
  const auto residual = check::numbers(n * S.out_channels * out_pixels, 4);
  auto expected = reference::conv2d(S, n, x, w);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t channel = i / static_cast<std::size_t>(out_pixels) % static_cast<std::size_t>(S.out_channels);
    expected[i] = std::fmax(expected[i] + static_cast<double>(bias[channel]) + static_cast<double>(residual[i]), 0.0);
  }
  const auto blocked_residual = check::to_blocked(residual, n, S.out_channels, out_pixels, B);
  const auto blocked_x = check::to_blocked(x, n, S.in_channels, in_pixels, B);
  const auto packed = pack<S, T>(w);
  auto y = check::unset(n * round_up(S.out_channels, B) * out_pixels);
  check::in_parts(parts, [&](Part part) {
    std::vector<float> scratch(conv2d_winograd_scratch_bytes<S, T>() / sizeof(float), std::numeric_limits<float>::quiet_NaN());
    const BiasResidualClamp ep{bias.data(), blocked_residual.data(), 0.0f, kInfinityF};
    conv2d_winograd<S, T>(part, n, blocked_x.data(), packed.data(), y.data(), ep, scratch.data());
  });
  check::close(name, check::to_plain(y, n, S.out_channels, out_pixels, B), expected, T.outputs == 4 ? 5e-5 : 2e-5);
}

/** Largest error over the largest result. */
double error_of(const std::vector<float>& got, const std::vector<double>& expected) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    worst = std::fmax(worst, std::fabs(static_cast<double>(got[i]) - expected[i]));
    largest = std::fmax(largest, std::fabs(expected[i]));
  }
  return worst / largest;
}

template <const Conv2dShape& S, const WinogradTile& T>
double winograd_error(const std::vector<float>& x, const std::vector<float>& w, const std::vector<double>& expected) {
  auto y = check::unset(round_up(S.out_channels, B) * S.out_height * S.out_width);
  std::vector<float> scratch(conv2d_winograd_scratch_bytes<S, T>() / sizeof(float));
  conv2d_winograd<S, T>(Part{0, 1}, 1, x.data(), pack<S, T>(w).data(), y.data(), NoEpilogue{}, scratch.data());
  return error_of(check::to_plain(y, 1, S.out_channels, std::int64_t{S.out_height} * S.out_width, B), expected);
}

constexpr WinogradTile kTwo{2, 29, P, 2, 0};
constexpr WinogradTile kFour{4, 17, P, 2, 0};
constexpr WinogradTile kOneVector{4, 100, P, 1, 0};
constexpr WinogradTile kTwoRaw{2, 29, P, 2, 2};
constexpr WinogradTile kFourRaw{4, 17, P, 2, 1};
constexpr WinogradTile kFourRawWhole{4, 17, 4, 4, 99};
//                                         C   H   W   M  OH  OW kh kw sh sw pt pl dh dw g  B
inline constexpr Conv2dShape kSame{2 * B + 3, 13, 22, 3 * B - 2, 13, 22, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kValid{B, 12, 14, B, 10, 12, 3, 3, 1, 1, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kTiny{3, 2, 3, 5, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kWidePad{B, 9, 9, 2 * B, 13, 13, 3, 3, 1, 1, 3, 3, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kDeep{256, 16, 16, 2 * B, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};

template <const Conv2dShape& S>
void compare_errors() {
  static constexpr Conv2dTile direct{P, 2, 4, 2};
  const auto x = check::numbers(std::int64_t{S.in_channels} * S.in_height * S.in_width, 1);
  const auto w = check::numbers(std::int64_t{S.out_channels} * S.in_channels * 9, 2);
  const auto expected = reference::conv2d(S, 1, x, w);
  const auto blocked = check::to_blocked(x, 1, S.in_channels, std::int64_t{S.in_height} * S.in_width, B);
  auto y = check::unset(round_up(S.out_channels, B) * S.out_height * S.out_width);
  std::vector<float> scratch(conv2d_direct_scratch_bytes<S, direct>() / sizeof(float));
  conv2d_direct<S, direct>(Part{0, 1}, 1, blocked.data(), reference::pack_direct(S, 2, w).data(), y.data(), NoEpilogue{}, scratch.data());
  const double by_direct = error_of(check::to_plain(y, 1, S.out_channels, std::int64_t{S.out_height} * S.out_width, B), expected);
  const double by_two = winograd_error<S, kTwo>(blocked, w, expected), by_four = winograd_error<S, kFour>(blocked, w, expected);
  const double by_two_raw = winograd_error<S, kTwoRaw>(blocked, w, expected), by_four_raw = winograd_error<S, kFourRaw>(blocked, w, expected);
  std::printf("     error over the largest result, %d channels: direct %.2g, F(2x2) %.2g, F(4x4) %.2g; filters transformed here: %.2g, %.2g\n",
              S.in_channels, by_direct, by_two, by_four, by_two_raw, by_four_raw);
  check::is_true("F(2x2) within 2e-6, F(4x4) within 6e-6 of the largest result",
                 by_two < 2e-6 && by_four < 6e-6 && by_two_raw < 2e-6 && by_four_raw < 6e-6);
}

}  // namespace

int main() {
  check_winograd<kSame, kTwo>("F(2x2), channel tails", 2, 3);
  check_winograd<kSame, kFour>("F(4x4), channel tails", 2, 3);
  check_winograd<kSame, kOneVector>("F(4x4), one vector, one group", 1, 2);
  check_winograd<kSame, kTwoRaw>("F(2x2), channel tails, raw filters", 2, 3);
  check_winograd<kSame, kFourRaw>("F(4x4), channel tails, raw filters", 2, 3);
  check_winograd<kSame, kFourRawWhole>("F(4x4), channel tails, raw filters at once", 1, 2);
  check_winograd<kTiny, kTwoRaw>("F(2x2), smaller than a tile, raw filters", 1, 2);
  check_winograd<kTiny, kFourRaw>("F(4x4), smaller than a tile, raw filters", 3, 2);
  check_winograd<kValid, kTwo>("F(2x2), no padding", 1, 1);
  check_winograd<kValid, kFour>("F(4x4), no padding", 1, 1);
  check_winograd<kTiny, kTwo>("F(2x2), smaller than a tile", 1, 2);
  check_winograd<kTiny, kFour>("F(4x4), smaller than a tile", 3, 2);
  check_winograd<kWidePad, kFour>("F(4x4), padding of a whole tile", 1, 4);
  compare_errors<kDeep>();
  return check::report();
}
