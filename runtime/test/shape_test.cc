// Transposed convolution, LRN, instance normalization, permutes, copies, pads and resizes against obvious loops.
#include "cortado/conv_transpose.h"
#include "cortado/instance_norm.h"
#include "cortado/lrn.h"
#include "cortado/pad.h"
#include "cortado/resize.h"
#include "cortado/transpose.h"

#include "kernel_check.h"
#include "reference.h"

namespace {

using namespace cortado;
constexpr int B = kFloatLanes;
constexpr int P = B == 16 ? 14 : 6;

std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }

/** acc + bias[channel] + full[offset]. */
struct AddBoth {
  const float* bias;
  const float* full;
  template <class V, class Lanes>
  CORTADO_INLINE V operator()(V acc, std::int64_t channel, std::int64_t offset) const {
    return acc + Lanes::template channel<V>(bias, channel) + load<V>(full + offset);
  }
};

template <const Conv2dShape& S>
void check_transpose_generic(const char* name, const std::vector<float>& x, const std::vector<float>& w, const AddBoth& ep, const std::vector<double>& expected) {
  const ConvDims d{S.in_channels, S.out_channels, S.groups, {1, S.in_height, S.in_width}, {1, S.out_height, S.out_width}, {1, S.kernel_h, S.kernel_w},
                   {1, S.stride_h, S.stride_w}, {0, S.pad_top, S.pad_left}, {1, S.dilation_h, S.dilation_w}};
  auto y = check::unset(static_cast<std::int64_t>(expected.size()));
  check::in_parts(3, [&](Part part) { conv_transpose_generic(part, 2, d, x.data(), w.data(), y.data(), ep); });
  check::close(name, y, expected, 1e-5);
}

inline constexpr Conv2dTile kTile{P, 2, 3, 1};

template <const Conv2dShape& S>
void check_transpose(const char* name) {
  const std::int64_t in = std::int64_t{S.in_height} * S.in_width, out = std::int64_t{S.out_height} * S.out_width;
  const auto x = check::numbers(2 * S.in_channels * in, 1);
  const auto w = check::numbers(std::int64_t{S.in_channels} * (S.out_channels / S.groups) * S.kernel_h * S.kernel_w, 2);
  const auto bias = check::numbers(round_up(S.out_channels, B), 3), full = check::numbers(2 * S.out_channels * out, 4);
  auto expected = reference::conv2d_transpose(S, 2, x, w);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] += static_cast<double>(bias[i / size(out) % size(S.out_channels)]) + static_cast<double>(full[i]);
  }
  check_transpose_generic<S>(name, x, w, AddBoth{bias.data(), full.data()}, expected);
  if constexpr (S.groups == 1) {
    const auto blocked_x = check::to_blocked(x, 2, S.in_channels, in, B), blocked_full = check::to_blocked(full, 2, S.out_channels, out, B);
    const auto packed = reference::pack_transpose(S, 2, w);
    auto y = check::unset(static_cast<std::int64_t>(blocked_full.size()));
    check::in_parts(3, [&](Part part) {
      std::vector<float> scratch(conv2d_transpose_scratch_bytes<S, kTile>() / 4);
      conv2d_transpose<S, kTile>(part, 2, blocked_x.data(), packed.data(), y.data(), AddBoth{bias.data(), blocked_full.data()}, scratch.data());
    });
    check::close("  blocked", check::to_plain(y, 2, S.out_channels, out, B), expected, 1e-5);
  }
}

void check_lrn(std::int64_t channels, std::int64_t window, float beta) {
  const LrnDims d{channels, 37, window, 0.5f, beta, 1.5f};
  const auto x = check::numbers(2 * channels * d.pixels, 1);
  std::vector<double> expected(x.size()), scales(x.size());
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(x.size()); ++i) {
    const std::int64_t channel = i / d.pixels % channels;
    double sum = 0;
    for (std::int64_t c = channel - window / 2; c <= channel + window / 2; ++c) {
      if (c < 0 || c >= channels) continue;
      const double value = static_cast<double>(x[size(i + (c - channel) * d.pixels)]);
      sum += value * value;
    }
    scales[size(i)] = static_cast<double>(d.bias) + static_cast<double>(d.alpha) / static_cast<double>(window) * sum;
    expected[size(i)] = static_cast<double>(x[size(i)]) * std::pow(scales[size(i)], -static_cast<double>(beta));
  }
  auto y = check::unset(static_cast<std::int64_t>(x.size())), scale = y;
  check::in_parts(3, [&](Part part) { lrn_plain(part, 2, d, x.data(), y.data(), scale.data()); });
  check::close("lrn plain", y, expected, 1e-6);
  check::close("lrn plain, scale", scale, scales, 1e-6);
  const auto blocked_x = check::to_blocked(x, 2, channels, d.pixels, B);
  auto blocked_y = check::unset(static_cast<std::int64_t>(blocked_x.size()));
  check::in_parts(3, [&](Part part) { lrn_blocked<B>(part, 2, d, blocked_x.data(), blocked_y.data()); });
  check::close("lrn blocked", check::to_plain(blocked_y, 2, channels, d.pixels, B), expected, 1e-6);
}

void check_instance_norm() {
  constexpr std::int64_t channels = B + 3, pixels = 91;
  auto x = check::numbers(2 * channels * pixels, 1);
  for (float& value : x) value += 100.0f;
  const auto scale = check::numbers(std::int64_t{2 * B}, 2), bias = check::numbers(std::int64_t{2 * B}, 3);
  std::vector<double> expected(x.size());
  for (std::int64_t plane = 0; plane < 2 * channels; ++plane) {
    double mean = 0, var = 0;
    for (std::int64_t p = 0; p < pixels; ++p) mean += static_cast<double>(x[size(plane * pixels + p)]) / pixels;
    for (std::int64_t p = 0; p < pixels; ++p) var += std::pow(static_cast<double>(x[size(plane * pixels + p)]) - mean, 2) / pixels;
    for (std::int64_t p = 0; p < pixels; ++p) {
      expected[size(plane * pixels + p)] = (static_cast<double>(x[size(plane * pixels + p)]) - mean) / std::sqrt(var + 1e-5) *
                                               static_cast<double>(scale[size(plane % channels)]) +
                                           static_cast<double>(bias[size(plane % channels)]);
    }
  }
  auto y = check::unset(static_cast<std::int64_t>(x.size()));
  check::in_parts(3, [&](Part part) { instance_norm_plain(part, 2, channels, pixels, 1e-5f, x.data(), scale.data(), bias.data(), y.data()); });
  check::close("instance norm plain", y, expected, 5e-5);
  auto blocked = check::to_blocked(x, 2, channels, pixels, B);
  check::in_parts(3, [&](Part part) { instance_norm_blocked<B>(part, 2, channels, pixels, 1e-5f, blocked.data(), scale.data(), bias.data(), blocked.data()); });
  check::close("instance norm blocked, in place", check::to_plain(blocked, 2, channels, pixels, B), expected, 5e-5);
}

void check_permute() {
  const auto x = check::numbers(std::int64_t{2 * 3 * 19 * 35}, 1);
  std::vector<double> nhwc(x.size()), tiled(x.size() * 2);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t w = i % 35, h = i / 35 % 19, c = i / 665 % 3, n = i / 1995;
    nhwc[((n * 19 + h) * 35 + w) * 3 + c] = static_cast<double>(x[i]);
    tiled[i / 1995 * 3990 + i % 1995] = tiled[i / 1995 * 3990 + 1995 + i % 1995] = static_cast<double>(x[i]);
  }
  auto y = check::unset(static_cast<std::int64_t>(x.size())), repeated = check::unset(static_cast<std::int64_t>(tiled.size()));
  const PermuteDims to_nhwc{4, {2, 19, 35, 3}, {1995, 35, 1, 665}};
  check::in_parts(3, [&](Part part) { permute(part, to_nhwc, x.data(), y.data()); });
  check::close("permute to NHWC", y, nhwc, 0);
  auto back = y;
  check::in_parts(3, [&](Part part) { permute(part, PermuteDims{3, {2, 3, 665}, {1995, 1, 3}}, y.data(), back.data()); });
  check::close("permute back", back, std::vector<double>(x.begin(), x.end()), 0);
  check::in_parts(2, [&](Part part) { permute(part, PermuteDims{3, {2, 2, 1995}, {1995, 0, 1}}, x.data(), repeated.data()); });
  check::close("permute as tile", repeated, tiled, 0);
  auto copy = check::unset(static_cast<std::int64_t>(x.size()));
  const CopyDims d{3, {2, 3, 665}, {1995, 665, 1}, {1995, 1, 3}};
  check::in_parts(3, [&](Part part) { copy_strided(part, d, x.data(), copy.data()); });
  check::close("copy_strided", copy, nhwc, 0);
}

std::int64_t reflect(std::int64_t i, std::int64_t extent) { return std::min(std::abs(i), 2 * extent - std::abs(i) - 2); }

template <PadMode M>
void check_pad(const char* name, const Pad2dDims& d) {
  const auto x = check::numbers(2 * d.channels * d.in_height * d.in_width, 1);
  std::vector<double> expected;
  for (std::int64_t plane = 0; plane < 2 * d.channels; ++plane)
    for (std::int64_t r = 0; r < d.out_height; ++r)
      for (std::int64_t c = 0; c < d.out_width; ++c) {
        std::int64_t row = r - d.pad_top, col = c - d.pad_left;
        const bool outside = row < 0 || row >= d.in_height || col < 0 || col >= d.in_width;
        if (M == PadMode::kReflect) row = reflect(row, d.in_height), col = reflect(col, d.in_width);
        if (M == PadMode::kEdge) row = min_of(max_of(row, 0), d.in_height - 1), col = min_of(max_of(col, 0), d.in_width - 1);
        expected.push_back(M == PadMode::kConstant && outside ? static_cast<double>(d.value)
                                                              : static_cast<double>(x[size((plane * d.in_height + row) * d.in_width + col)]));
      }
  auto y = check::unset(static_cast<std::int64_t>(expected.size()));
  check::in_parts(3, [&](Part part) { pad2d_plain<M>(part, 2, d, x.data(), y.data()); });
  check::close(name, y, expected, 0);
  const auto blocked_x = check::to_blocked(x, 2, d.channels, d.in_height * d.in_width, B);
  auto blocked_y = check::unset(2 * round_up(d.channels, B) * d.out_height * d.out_width);
  check::in_parts(3, [&](Part part) { pad2d_blocked<M, B>(part, 2, d, blocked_x.data(), blocked_y.data()); });
  check::close("  blocked", check::to_plain(blocked_y, 2, d.channels, d.out_height * d.out_width, B), expected, 0);
}

void check_resize(const ResizeDims& d) {
  const auto x = check::numbers(2 * d.channels * d.in_height * d.in_width, 1);
  std::vector<double> expected;
  for (std::int64_t plane = 0; plane < 2 * d.channels; ++plane)
    for (std::int64_t r = 0; r < d.out_height; ++r)
      for (std::int64_t c = 0; c < d.out_width; ++c) {
        const auto row = min_of(static_cast<std::int64_t>(static_cast<float>(r) / d.height_scale), d.in_height - 1);
        const auto col = min_of(static_cast<std::int64_t>(static_cast<float>(c) / d.width_scale), d.in_width - 1);
        expected.push_back(static_cast<double>(x[size((plane * d.in_height + row) * d.in_width + col)]));
      }
  auto y = check::unset(static_cast<std::int64_t>(expected.size()));
  check::in_parts(3, [&](Part part) { resize_nearest_plain(part, 2, d, x.data(), y.data()); });
  check::close("resize nearest", y, expected, 0);
  const auto blocked_x = check::to_blocked(x, 2, d.channels, d.in_height * d.in_width, B);
  auto blocked_y = check::unset(2 * round_up(d.channels, B) * d.out_height * d.out_width);
  check::in_parts(3, [&](Part part) { resize_nearest_blocked<B>(part, 2, d, blocked_x.data(), blocked_y.data()); });
  check::close("  blocked", check::to_plain(blocked_y, 2, d.channels, d.out_height * d.out_width, B), expected, 0);
}

//                                           C  H   W      M  OH  OW kh kw sh sw pt pl dh dw  g  B
inline constexpr Conv2dShape kDouble{2 * B, 5, 17, B + 3, 10, 34, 4, 4, 2, 2, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kAdjusted{B + 1, 4, 4, 3 * B, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kGaps{B, 5, 5, 2 * B, 13, 13, 1, 1, 3, 3, 0, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kStrideOne{B, 6, 20, B, 6, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kUneven{B, 3, 5, B, 8, 16, 5, 4, 2, 3, 1, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kGrouped{6, 3, 5, 4, 7, 11, 3, 3, 2, 2, 0, 0, 1, 1, 2, B, 0, 0};

}  // namespace

int main() {
  check_transpose<kDouble>("transposed 4x4 stride 2 pad 1");
  check_transpose<kAdjusted>("transposed 3x3 stride 2 adj 1");
  check_transpose<kGaps>("transposed 1x1 stride 3");
  check_transpose<kStrideOne>("transposed 3x3 stride 1");
  check_transpose<kUneven>("transposed 5x4 stride 2, 3");
  check_transpose<kGrouped>("transposed, groups");
  check_lrn(2 * B + 5, 5, 0.75f);
  check_lrn(3, 5, 0.6f);
  check_lrn(B, 3, 0.5f);
  check_instance_norm();
  check_permute();
  check_pad<PadMode::kConstant>("pad constant", Pad2dDims{B + 1, 5, 7, 10, 9, 2, 1, 0.5f});
  check_pad<PadMode::kReflect>("pad reflect", Pad2dDims{B + 1, 5, 7, 10, 11, 2, 3, 0.0f});
  check_pad<PadMode::kEdge>("pad edge, cut at the right", Pad2dDims{3, 5, 7, 8, 5, 2, 1, 0.0f});
  check_pad<PadMode::kConstant>("pad constant, cut at the left", Pad2dDims{3, 5, 7, 4, 8, -1, -2, 1.0f});
  check_resize(ResizeDims{B + 1, 5, 7, 10, 14, 2.0f, 2.0f});
  check_resize(ResizeDims{2, 5, 7, 3, 11, 0.7f, 1.6f});
  return check::report();
}
