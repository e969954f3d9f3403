// bf16 and halves as storage types (storage_check.h): rounding, products, FC with such weights, and the kernels that only read and write it (pooling,
// maps, reorders, padding, resizing, normalization) against the same kernels on floats.
#include "storage_check.h"
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
using check::Storage;
using check::kIsHalf;
constexpr int B = check::kBlock;
constexpr int P = B == 16 ? 14 : 6;
using F = Vec<float, B>;

std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }

/** Every rounding by vectors and by numbers is the nearest of the type. */
void check_rounding() {
  std::vector<float> values{0.0f, -0.0f, 1.0f, 1.00390625f, 1.01171875f, -1.01171875f, 1.00048828125f, 1.00146484375f, 65504.0f, 65519.0f, 6e-8f, 3.1e-5f, -1e-7f};
  for (const float value : check::numbers(std::int64_t{1000}, 7)) values.push_back(value * 1000.0f);
  for (const float value : check::numbers(std::int64_t{1000}, 8)) values.push_back(value * 1e-4f);
  while (values.size() % B != 0) values.push_back(0.5f);
  std::vector<Storage> by_vectors(values.size());
  for (std::size_t i = 0; i < values.size(); i += B) store(by_vectors.data() + i, load<F>(values.data() + i));
  bool good = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Storage expected = check::nearest(values[i]);
    good = good && by_vectors[i].bits == expected.bits && Storage(values[i]).bits == expected.bits;
  }
  check::is_true("rounding to nearest even", good);
  const auto rounds_to = [](float value, int bits) {
    F values = splat<F>(value);
    Storage stored[B];
    store(stored, values);
    return Storage(value).bits == bits && stored[0].bits == bits && stored[B - 1].bits == bits;
  };
  if constexpr (kIsHalf) {
    check::is_true("1 + 2^-11 is 1, 1 + 3 * 2^-11 is 1 + 2^-9", rounds_to(1.00048828125f, 0x3c00) && rounds_to(1.00146484375f, 0x3c02));
    check::is_true("beyond the largest: infinity", rounds_to(65520.0f, 0x7c00) && rounds_to(-1e30f, 0xfc00) && rounds_to(-kInfinityF, 0xfc00));
  } else {
    check::is_true("1 + 2^-8 is 1, 1 + 3 * 2^-8 is 1 + 2^-6", rounds_to(1.00390625f, 0x3f80) && rounds_to(1.01171875f, 0x3f82));
    check::is_true("beyond the largest: infinity", rounds_to(3.4e38f, 0x7f80) && rounds_to(-kInfinityF, 0xff80));
  }
  F nans = splat<F>(kNanF);
  nans[0] = bits_as<float>(0x7f800001u);  // would become infinity if its upper half were all that is kept
  Storage stored[B];
  store(stored, nans);
  bool all_nan = std::isnan(static_cast<float>(Storage(bits_as<float>(0x7f800001u))));
  for (const Storage value : stored) all_nan = all_nan && std::isnan(static_cast<float>(value));
  check::is_true("a NaN stays one", all_nan);
}

/** Widening is exact: all values but NaNs, by vectors and by numbers, become floats that round back to themselves. */
void check_widening() {
  bool good = true;
  for (int first = 0; first < 0x10000; first += B) {
    Storage values[B];
    float floats[B];
    for (int i = 0; i < B; ++i) values[i] = check::with_bits(first + i);
    store(floats, load<F>(values));
    for (int i = 0; i < B; ++i) {
      const float number = static_cast<float>(values[i]);
      good = good && (std::isnan(number) ? std::isnan(floats[i]) : floats[i] == number && Storage(number).bits == values[i].bits);
    }
  }
  check::is_true("widening keeps every value", good);
  if constexpr (kIsHalf) check::is_true("2^-24, 1 and 65504", static_cast<float>(check::with_bits(1)) == 0x1p-24f && static_cast<float>(check::with_bits(0x3c00)) == 1.0f && static_cast<float>(check::with_bits(0x7bff)) == 65504.0f);
}

template <const FcShape& S, int kRows>
void check_fully_connected(const char* name, std::int64_t m, int parts) {
  constexpr int k = S.in_features, n = S.out_features, panel = S.vectors * S.block;
  const auto x = check::exact_numbers(m * k, 1), w = check::exact_numbers(n * k, 2);
  const auto bias = check::numbers(round_up(n, panel), 3);
  std::vector<float> packed(size(round_up(n, panel) * k));
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < k; ++i) packed[size((j / panel * k + i) * panel + j % panel)] = w[size(j * k + i)];
  const auto pairs = check::in_steps(packed, {{k, panel, static_cast<int>(ceil_div(n, panel))}});
  std::vector<double> expected(size(m * n));
  for (std::int64_t i = 0; i < m * n; ++i) {
    expected[size(i)] = static_cast<double>(bias[size(i % n)]);
    for (std::int64_t t = 0; t < k; ++t) expected[size(i)] += static_cast<double>(x[size(i / n * k + t)]) * static_cast<double>(w[size(i % n * k + t)]);
  }
  auto y = check::unset(m * n);
  check::in_parts(parts, [&](Part part) {
    std::vector<Storage> scratch(fully_connected_scratch_bytes<S, kRows, Storage>() / 2);
    fully_connected<S, kRows>(part, m, x.data(), pairs.data(), y.data(), BiasResidualClamp{bias.data(), nullptr, -kInfinityF, kInfinityF}, scratch.data());
  });
  check::close(name, y, expected, check::kSumsError > 1e-4 ? 3e-2 : 2e-5);
}

/** A kernel on the type gives what it gives on floats of the same values, rounded. */
template <class Kernel>
void check_same(const char* name, std::int64_t in, std::int64_t out, const Kernel& kernel) {
  const auto x = check::exact_numbers(in, 1);
  const auto small_x = check::to_storage(x);
  auto y = check::unset(out);
  auto small_y = check::to_storage(y);
  check::in_parts(3, [&](Part part) { kernel(part, x.data(), y.data()); });
  check::in_parts(3, [&](Part part) { kernel(part, small_x.data(), small_y.data()); });
  bool good = true;
  for (std::size_t i = 0; i < y.size(); ++i) good = good && small_y[i].bits == check::nearest(y[i]).bits;
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
  std::vector<Storage> blocked(size(2 * 2 * B * pixels), Storage(kNanF));
  check::in_parts(3, [&](Part part) { reorder_to_blocked<B>(part, 2, channels, pixels, 0, 0, x.data(), blocked.data()); });
  auto back = check::unset(2 * channels * pixels);
  check::in_parts(3, [&](Part part) { reorder_to_plain<B>(part, 2, channels, pixels, 0, 0, blocked.data(), back.data()); });
  check::is_true("floats to blocked and back are rounded floats", back == check::to_floats(check::to_storage(x)));
}

}  // namespace

int main() {
  check_rounding();
  check_widening();
  check_fully_connected<kOdd, P>("FC, odd sizes, 5 rows", 5, 2);
  check_fully_connected<kOdd, P>("FC, more rows than a pass", 4 * P + 3, 1);
  check_fully_connected<kDeep, P>("FC, deeper than a visit", 9, 2);
  check_fully_connected<kSingle, 1>("FC, one row", 1, 3);
  check_storage();
  check_reorders();
  return check::report();
}
