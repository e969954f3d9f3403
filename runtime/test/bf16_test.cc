// bf16 as a storage type: rounding, products of pairs, FC with bf16 weights, and the kernels that only read and write it (pooling,
// maps, reorders, padding, resizing, normalization) against the same kernels on floats.
#include "bf16_check.h"
#include "cortado/gemm.h"
#include "cortado/instance_norm.h"
#include "cortado/lrn.h"
#include "cortado/map.h"
#include "cortado/pad.h"
#include "cortado/pool.h"
#include "cortado/reorder.h"
#include "cortado/resize.h"

namespace {

using namespace cortado;
constexpr int B = kFloatLanes;
constexpr int P = B == 16 ? 14 : 6;
using F = Vec<float, B>;

std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }

/** Every rounding by vectors and by numbers is the nearest bf16. */
void check_rounding() {
  std::vector<float> values{0.0f, -0.0f, 1.0f, 1.00390625f, 1.01171875f, -1.01171875f, 3.0e38f, 1e-30f, kInfinityF, -kInfinityF};
  for (const float value : check::numbers(std::int64_t{1000}, 7)) values.push_back(value * 1000.0f);
  while (values.size() % B != 0) values.push_back(0.5f);
  std::vector<Bfloat16> by_vectors(values.size());
  for (std::size_t i = 0; i < values.size(); i += B) store(by_vectors.data() + i, load<F>(values.data() + i));
  bool good = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Bfloat16 expected = std::isinf(values[i]) ? by_vectors[i] : check::nearest_bf16(values[i]);
    good = good && by_vectors[i].bits == expected.bits && Bfloat16(values[i]).bits == expected.bits;
  }
  check::is_true("rounding to nearest even", good);
  check::is_true("1 + 2^-8 is 1, 1 + 3 * 2^-8 is 1 + 2^-6", Bfloat16(1.00390625f).bits == 0x3f80 && Bfloat16(1.01171875f).bits == 0x3f82);
  check::is_true("beyond the largest: infinity", Bfloat16(3.4e38f).bits == 0x7f80 && Bfloat16(-kInfinityF).bits == 0xff80);
  F nans = splat<F>(kNanF);
  nans[0] = bits_as<float>(0x7f800001u);  // would become infinity if its upper half were all that is kept
  Bfloat16 stored[B];
  store(stored, nans);
  bool all_nan = std::isnan(static_cast<float>(Bfloat16(bits_as<float>(0x7f800001u))));
  for (const Bfloat16 value : stored) all_nan = all_nan && std::isnan(static_cast<float>(value));
  check::is_true("a NaN stays one", all_nan);
}

template <const FcShape& S, int kRows>
void check_fully_connected(const char* name, std::int64_t m, int parts) {
  constexpr int k = S.in_features, n = S.out_features, panel = S.vectors * S.block;
  const auto x = check::bf16_numbers(m * k, 1), w = check::bf16_numbers(n * k, 2);
  const auto bias = check::numbers(round_up(n, panel), 3);
  std::vector<float> packed(size(round_up(n, panel) * k));
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < k; ++i) packed[size((j / panel * k + i) * panel + j % panel)] = w[size(j * k + i)];
  const auto pairs = check::in_pairs(packed, {{k, panel, static_cast<int>(ceil_div(n, panel))}});
  std::vector<double> expected(size(m * n));
  for (std::int64_t i = 0; i < m * n; ++i) {
    expected[size(i)] = static_cast<double>(bias[size(i % n)]);
    for (std::int64_t t = 0; t < k; ++t) expected[size(i)] += static_cast<double>(x[size(i / n * k + t)]) * static_cast<double>(w[size(i % n * k + t)]);
  }
  auto y = check::unset(m * n);
  check::in_parts(parts, [&](Part part) {
    std::vector<Bfloat16> scratch(fully_connected_scratch_bytes<S, kRows, Bfloat16>() / 2);
    fully_connected<S, kRows>(part, m, x.data(), pairs.data(), y.data(), BiasResidualClamp{bias.data(), nullptr, -kInfinityF, kInfinityF}, scratch.data());
  });
  check::close(name, y, expected, 2e-5);
}

/** A kernel on bf16 gives what it gives on floats of the same values, rounded. */
template <class Kernel>
void check_same(const char* name, std::int64_t in, std::int64_t out, const Kernel& kernel) {
  const auto x = check::bf16_numbers(in, 1);
  const auto small_x = check::to_bf16(x);
  auto y = check::unset(out);
  auto small_y = check::to_bf16(y);
  check::in_parts(3, [&](Part part) { kernel(part, x.data(), y.data()); });
  check::in_parts(3, [&](Part part) { kernel(part, small_x.data(), small_y.data()); });
  bool good = true;
  for (std::size_t i = 0; i < y.size(); ++i) good = good && small_y[i].bits == check::nearest_bf16(y[i]).bits;
  check::is_true(name, good);
}

struct Scale {
  template <class V>
  CORTADO_INLINE V operator()(V x, V y) const {
    return x * y + splat<V>(0.3f);
  }
};

inline constexpr FcShape kOdd{37, 3 * B + 1, B, 2};
inline constexpr FcShape kDeep{600, 2 * B, B, 2};
inline constexpr FcShape kSingle{37, 3 * B + 1, B, 4};
inline constexpr Pool2dShape kPool{2 * B, 9, 13, 5, 7, 3, 3, 2, 2, 1, 1, B, 0, 0};

void check_storage() {
  constexpr std::int64_t image = 2 * B * 9 * 13;
  check_same("max pooling", image, 2 * B * 5 * 7, [](Part part, auto x, auto y) { pool2d<kPool, MaxReduce>(part, 1, x, y, NoEpilogue{}); });
  check_same("average pooling", image, 2 * B * 5 * 7, [](Part part, auto x, auto y) { pool2d<kPool, AverageReduce>(part, 1, x, y, NoEpilogue{}); });
  check_same("a map", image, image, [](Part part, auto x, auto y) { map<B>(part, image, y, Scale{}, x, x); });
  check_same("a map of numbers, not in whole vectors", 37, 37, [](Part part, auto x, auto y) { map<0>(part, 37, y, Scale{}, x, x); });
  const auto factors = check::numbers(std::int64_t{2 * B}, 5);
  const MapDims<2> dims{3, {2, 117, B}, {{117 * B, B, 1}, {B, 0, 1}}};
  check_same("a map with a float per channel", image, image, [&](Part part, auto x, auto y) { map_broadcast<B>(part, dims, y, Scale{}, x, factors.data()); });
  const Pad2dDims pad{2 * B, 9, 13, 12, 14, 2, -1, 0.5f};
  check_same("padding", image, 2 * B * 12 * 14, [&](Part part, auto x, auto y) { pad2d_blocked<PadMode::kConstant, B>(part, 1, pad, x, y); });
  const ResizeDims resize{2 * B, 9, 13, 18, 20, 2.0f, 20.0f / 13.0f};
  check_same("nearest resize", image, 2 * B * 18 * 20, [&](Part part, auto x, auto y) { resize_nearest_blocked<B>(part, 1, resize, x, y); });
  const LrnDims lrn{2 * B, 117, 5, 1e-1f, 0.75f, 1.0f};
  check_same("LRN", image, image, [&](Part part, auto x, auto y) { lrn_blocked<B>(part, 1, lrn, x, y); });
  const auto bias = check::numbers(std::int64_t{2 * B}, 6);
  check_same("instance normalization", image, image,
             [&](Part part, auto x, auto y) { instance_norm_blocked<B>(part, 1, 2 * B, 117, 1e-5f, x, factors.data(), bias.data(), y); });
}

void check_reorders() {
  constexpr std::int64_t channels = B + 3, pixels = 2 * B + 5;
  const auto x = check::numbers(2 * channels * pixels, 1);
  std::vector<Bfloat16> blocked(size(2 * 2 * B * pixels), Bfloat16(kNanF));
  check::in_parts(3, [&](Part part) { reorder_to_blocked<B>(part, 2, channels, pixels, 0, 0, x.data(), blocked.data()); });
  auto back = check::unset(2 * channels * pixels);
  check::in_parts(3, [&](Part part) { reorder_to_plain<B>(part, 2, channels, pixels, 0, 0, blocked.data(), back.data()); });
  check::is_true("floats to blocked bf16 and back are rounded floats", back == check::to_floats(check::to_bf16(x)));
}

}  // namespace

int main() {
  check_rounding();
  check_fully_connected<kOdd, P>("FC, odd sizes, 5 rows", 5, 2);
  check_fully_connected<kOdd, P>("FC, more rows than a pass", 4 * P + 3, 1);
  check_fully_connected<kDeep, P>("FC, deeper than a visit", 9, 2);
  check_fully_connected<kSingle, 1>("FC, one row", 1, 3);
  check_storage();
  check_reorders();
  return check::report();
}
