// Matrix products, pooling, softmax, reorders and maps against loops written the obvious way.
#include "cortado/conv2d_depthwise.h"
#include "cortado/conv_generic.h"
#include "cortado/gemm.h"
#include "cortado/map.h"
#include "cortado/pool.h"
#include "cortado/reorder.h"
#include "cortado/softmax.h"

#include "kernel_check.h"
#include "reference.h"

namespace {

using namespace cortado;
constexpr int B = kFloatLanes;
constexpr int P = B == 16 ? 14 : 6;

/** acc + bias[channel] + full[offset]. */
struct AddBoth {
  const float* bias;
  const float* full;
  template <class V, class Lanes>
  CORTADO_INLINE V operator()(V acc, std::int64_t channel, std::int64_t offset) const {
    return acc + Lanes::template channel<V>(bias, channel) + load<V>(full + offset);
  }
};

std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }

template <const FcShape& S>
void check_fully_connected(const char* name, std::int64_t m, int parts) {
  constexpr std::int64_t k = S.in_features, n = S.out_features, panel = S.vectors * S.block;
  const auto x = check::numbers(m * k, 1), w = check::numbers(n * k, 2), full = check::numbers(m * n, 4);
  const auto bias = check::numbers(round_up(n, panel), 3);
  std::vector<float> packed(size(round_up(n, panel) * k));
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < k; ++i) packed[size((j / panel * k + i) * panel + j % panel)] = w[size(j * k + i)];
  }
  std::vector<double> expected(size(m * n));
  for (std::int64_t i = 0; i < m * n; ++i) {
    double sum = static_cast<double>(bias[size(i % n)]) + static_cast<double>(full[size(i)]);
    for (std::int64_t t = 0; t < k; ++t) sum += static_cast<double>(x[size(i / n * k + t)]) * static_cast<double>(w[size(i % n * k + t)]);
    expected[size(i)] = sum;
  }
  auto y = check::unset(m * n);
  check::in_parts(parts, [&](Part part) {
    std::vector<float> scratch(fully_connected_scratch_bytes<S, P>() / 4);
    fully_connected<S, P>(part, m, x.data(), packed.data(), y.data(), AddBoth{bias.data(), full.data()}, scratch.data());
  });
  check::close(name, y, expected, 2e-5);
}

void check_matmul(const char* name, const MatmulDims& d, int parts) {
  const auto a = check::numbers(d.m * d.k, 1), b = check::numbers(d.k * d.n, 2), full = check::numbers(d.m * d.n, 4);
  const auto bias = check::numbers(round_up(d.n, 2 * B), 3);
  std::vector<double> expected(size(d.m * d.n));
  for (std::int64_t i = 0; i < d.m * d.n; ++i) {
    const std::int64_t row = i / d.n, col = i % d.n;
    double sum = static_cast<double>(bias[size(col)]) + static_cast<double>(full[size(i)]);
    for (std::int64_t t = 0; t < d.k; ++t) {
      sum += static_cast<double>(a[size(d.trans_a != 0 ? t * d.m + row : row * d.k + t)]) *
             static_cast<double>(b[size(d.trans_b != 0 ? col * d.k + t : t * d.n + col)]);
    }
    expected[size(i)] = sum;
  }
  auto y = check::unset(d.m * d.n);
  check::in_parts(parts, [&](Part part) {
    std::vector<float> scratch(matmul_scratch_bytes<B, P, 2>() / 4);
    matmul<B, P, 2>(part, d, a.data(), b.data(), y.data(), AddBoth{bias.data(), full.data()}, scratch.data());
  });
  check::close(name, y, expected, 5e-5);
}

/** Reference of both reductions over clipped windows. */
std::vector<double> pool(const PoolDims& d, std::int64_t n, bool is_max, const std::vector<float>& x) {
  std::vector<double> y;
  for (std::int64_t plane = 0; plane < n * d.channels; ++plane)
    for (std::int64_t od = 0; od < d.out[0]; ++od)
      for (std::int64_t oh = 0; oh < d.out[1]; ++oh)
        for (std::int64_t ow = 0; ow < d.out[2]; ++ow) {
          double largest = -3.4028234663852886e38, sum = 0;
          int count = 0;
          for (std::int64_t kd = 0; kd < d.kernel[0]; ++kd)
            for (std::int64_t kh = 0; kh < d.kernel[1]; ++kh)
              for (std::int64_t kw = 0; kw < d.kernel[2]; ++kw) {
                const std::int64_t z = od * d.stride[0] - d.pad[0] + kd, r = oh * d.stride[1] - d.pad[1] + kh, c = ow * d.stride[2] - d.pad[2] + kw;
                if (z < 0 || z >= d.in[0] || r < 0 || r >= d.in[1] || c < 0 || c >= d.in[2]) continue;
                const double value = static_cast<double>(x[size(((plane * d.in[0] + z) * d.in[1] + r) * d.in[2] + c)]);
                largest = value > largest ? value : largest;
                sum += value, ++count;
              }
          y.push_back(is_max ? largest : sum / count);
        }
  return y;
}

template <const Pool2dShape& S, class Reduce>
void check_pool(const char* name, std::int64_t n, int parts, bool is_max) {
  const PoolDims d{S.channels, {1, S.in_height, S.in_width}, {1, S.out_height, S.out_width}, {1, S.kernel_h, S.kernel_w},
                   {1, S.stride_h, S.stride_w}, {0, S.pad_top, S.pad_left}};
  const std::int64_t in = std::int64_t{S.in_height} * S.in_width, out = std::int64_t{S.out_height} * S.out_width;
  auto x = check::numbers(n * S.channels * in, 5);
  // A maximum skips NaNs: some here and there, and windows full of them.
  for (std::size_t i = 0; is_max && i < x.size(); i += i < 4 * size(S.in_width) ? 1 : 5) x[i] = kNanF;
  const auto expected = pool(d, n, is_max, x);
  auto plain = check::unset(n * S.channels * out);
  check::in_parts(parts, [&](Part part) { pool_generic<Reduce>(part, n, d, x.data(), plain.data(), NoEpilogue{}); });
  check::close(name, plain, expected, 1e-6);
  const auto blocked_x = check::to_blocked(x, n, S.channels, in, B);
  auto blocked_y = check::unset(n * round_up(S.channels, B) * out);
  check::in_parts(parts, [&](Part part) { pool2d<S, Reduce>(part, n, blocked_x.data(), blocked_y.data(), NoEpilogue{}); });
  check::close(name, check::to_plain(blocked_y, n, S.channels, out, B), expected, 1e-6);
  if (out == 1 && !is_max) {
    auto flat = check::unset(n * S.channels);
    check::in_parts(parts, [&](Part part) { global_average_pool_to_plain<S>(part, n, blocked_x.data(), flat.data(), NoEpilogue{}); });
    check::close("  blocked to plain [n, c]", flat, expected, 1e-6);
  }
}

void check_softmax(std::int64_t rows, std::int64_t cols) {
  auto x = check::numbers(rows * cols, 6);
  for (float& value : x) value *= 50.0f;
  std::vector<double> expected(x.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    double largest = -1e300, sum = 0;
    for (std::int64_t c = 0; c < cols; ++c) largest = std::fmax(largest, static_cast<double>(x[size(r * cols + c)]));
    for (std::int64_t c = 0; c < cols; ++c) sum += std::exp(static_cast<double>(x[size(r * cols + c)]) - largest);
    for (std::int64_t c = 0; c < cols; ++c) expected[size(r * cols + c)] = std::exp(static_cast<double>(x[size(r * cols + c)]) - largest) / sum;
  }
  auto y = x;
  check::in_parts(2, [&](Part part) { softmax(part, rows, cols, y.data(), y.data()); });
  check::close("softmax in place", y, expected, 1e-6);
}

void check_reorder(std::int64_t n, std::int64_t channels, std::int64_t pixels) {
  const auto x = check::numbers(n * channels * pixels, 7);
  const std::vector<double> expected(x.begin(), x.end());
  auto blocked = check::unset(n * round_up(channels, B) * pixels), back = check::unset(n * channels * pixels);
  check::in_parts(3, [&](Part part) { reorder_to_blocked<B>(part, n, channels, pixels, 0, 0, x.data(), blocked.data()); });
  check::close("reorder to blocked", check::to_plain(blocked, n, channels, pixels, B), expected, 0);
  check::in_parts(3, [&](Part part) { reorder_to_plain<B>(part, n, channels, pixels, 0, 0, blocked.data(), back.data()); });
  check::close("reorder to plain", back, expected, 0);
}

struct MulAdd {
  template <class V>
  CORTADO_INLINE V operator()(V a, V b, V c) const {
    return a * b + c;
  }
};

struct Less {
  template <class A, class C>
  CORTADO_INLINE bool operator()(A a, C b) const {
    return static_cast<double>(a) < static_cast<double>(b);
  }
};

void check_map() {
  const auto a = check::numbers(std::int64_t{1000}, 1), b = check::numbers(std::int64_t{1000}, 2), c = check::numbers(std::int64_t{1000}, 3);
  auto y = check::unset(1000);
  std::vector<double> expected(1000);
  for (std::size_t i = 0; i < 1000; ++i) expected[i] = static_cast<double>(a[i]) * static_cast<double>(b[i]) + static_cast<double>(c[i]);
  check::in_parts(3, [&](Part part) { map<B>(part, 1000, y.data(), MulAdd{}, a.data(), b.data(), c.data()); });
  check::close("map contiguous", y, expected, 1e-6);
  // a: dense [2, 5, 4, 25]; b: per second axis; c: transposed along the last axes (stride 4).
  const MapDims<3> d{4, {2, 5, 4, 25}, {{500, 100, 25, 1}, {0, 1, 0, 0}, {500, 100, 1, 4}}};
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::size_t col = i % 25, row = i / 25 % 4, channel = i / 100 % 5, image = i / 500;
    expected[i] = static_cast<double>(a[i]) * static_cast<double>(b[channel]) + static_cast<double>(c[image * 500 + channel * 100 + row + col * 4]);
  }
  check::in_parts(7, [&](Part part) { map_broadcast<B>(part, d, y.data(), MulAdd{}, a.data(), b.data(), c.data()); });
  check::close("map broadcast, strided", y, expected, 1e-6);
  const std::int64_t numbers[4] = {0, 1, -1, 5};
  bool less[4];
  map<B>(Part{0, 1}, 4, less, Less{}, a.data(), numbers);
  bool good = true;
  for (std::size_t i = 0; i < 4; ++i) good = good && less[i] == (static_cast<double>(a[i]) < static_cast<double>(numbers[i]));
  check::is_true("map of mixed types to bool", good);
}

inline constexpr FcShape kFc{300, 5 * B + 3, B, 2};
inline constexpr FcShape kFcWide{33, 64, B, 4};
//                                      C      H   W  OH  OW  kh kw sh sw pt pl  B
inline constexpr Pool2dShape kPool3{B + 3, 13, 29, 7, 15, 3, 3, 2, 2, 1, 1, B, 0, 0};
inline constexpr Pool2dShape kPool2{2 * B, 8, 8, 4, 4, 2, 2, 2, 2, 0, 0, B, 0, 0};
inline constexpr Pool2dShape kPoolBeyond{B, 8, 8, 4, 4, 3, 3, 2, 2, 0, 0, B, 0, 0};
inline constexpr Pool2dShape kGlobal{2 * B - 1, 7, 9, 1, 1, 7, 9, 1, 1, 0, 0, B, 0, 0};
//                                             C   H   W      M  OH  OW kh kw sh sw pt pl dh dw      g  B
inline constexpr Conv2dShape kDepthwise{2 * B, 14, 33, 2 * B, 14, 33, 3, 3, 1, 1, 1, 1, 1, 1, 2 * B, B, 0, 0};
inline constexpr Conv2dShape kDepthwise5{B + 2, 15, 15, B + 2, 8, 8, 5, 5, 2, 2, 2, 2, 1, 1, B + 2, B, 0, 0};
inline constexpr Conv2dShape kDepthwiseSmall{B, 3, 2, B, 3, 2, 5, 5, 1, 1, 2, 2, 1, 1, B, B, 0, 0};
inline constexpr Conv2dShape kDepthwiseDilated{B, 9, 20, B, 9, 20, 3, 3, 1, 1, 3, 3, 3, 3, B, B, 0, 0};
inline constexpr Conv2dShape kGrouped{6, 9, 21, 4, 5, 11, 3, 3, 2, 2, 1, 1, 1, 1, 2, 1, 0, 0};
inline constexpr Conv2dShape kPlain{3, 9, 41, 5, 9, 41, 3, 5, 1, 1, 2, 4, 2, 2, 1, 1, 0, 0};

template <const Conv2dShape& S>
void check_depthwise(const char* name) {
  const std::int64_t in = std::int64_t{S.in_height} * S.in_width, out = std::int64_t{S.out_height} * S.out_width, taps = S.kernel_h * S.kernel_w;
  const auto x = check::numbers(2 * S.in_channels * in, 1), w = check::numbers(S.in_channels * taps, 2);
  const auto expected = reference::conv2d(S, 2, x, w);
  std::vector<float> packed(size(round_up(S.in_channels, B) * taps));
  for (std::int64_t i = 0; i < S.in_channels * taps; ++i) packed[size((i / taps / B * taps + i % taps) * B + i / taps % B)] = w[size(i)];
  const auto blocked_x = check::to_blocked(x, 2, S.in_channels, in, B);
  auto y = check::unset(2 * round_up(S.in_channels, B) * out);
  check::in_parts(3, [&](Part part) { conv2d_depthwise<S>(part, 2, blocked_x.data(), packed.data(), y.data(), NoEpilogue{}); });
  check::close(name, check::to_plain(y, 2, S.in_channels, out, B), expected, 1e-5);
}

template <const Conv2dShape& S>
void check_generic(const char* name) {
  const std::int64_t in = std::int64_t{S.in_height} * S.in_width, out = std::int64_t{S.out_height} * S.out_width;
  const ConvDims d{S.in_channels, S.out_channels, S.groups, {1, S.in_height, S.in_width}, {1, S.out_height, S.out_width}, {1, S.kernel_h, S.kernel_w},
                   {1, S.stride_h, S.stride_w}, {0, S.pad_top, S.pad_left}, {1, S.dilation_h, S.dilation_w}};
  const auto x = check::numbers(2 * S.in_channels * in, 1);
  const auto w = check::numbers(std::int64_t{S.out_channels} * (S.in_channels / S.groups) * S.kernel_h * S.kernel_w, 2);
  const auto bias = check::numbers(std::int64_t{S.out_channels}, 3), full = check::numbers(2 * S.out_channels * out, 4);
  auto expected = reference::conv2d(S, 2, x, w);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] += static_cast<double>(bias[i / size(out) % size(S.out_channels)]) + static_cast<double>(full[i]);
  }
  auto y = check::unset(2 * S.out_channels * out);
  check::in_parts(3, [&](Part part) { conv_generic(part, 2, d, x.data(), w.data(), y.data(), AddBoth{bias.data(), full.data()}); });
  check::close(name, y, expected, 1e-5);
}

}  // namespace

int main() {
  check_fully_connected<kFc>("fully connected, one row", 1, 2);
  check_fully_connected<kFc>("fully connected, many rows", 71, 3);
  check_fully_connected<kFcWide>("fully connected, wide panels", 5, 1);
  check_matmul("matmul", MatmulDims{17, 50, 300, 0, 0}, 1);
  check_matmul("matmul, both transposed", MatmulDims{15, 600, 257, 1, 1}, 2);
  check_matmul("matmul, one row", MatmulDims{1, 33, 5, 0, 1}, 1);
  check_pool<kPool3, MaxReduce>("max pool 3x3 stride 2 pad 1", 2, 3, true);
  check_pool<kPool3, AverageReduce>("average pool 3x3 stride 2 pad 1", 2, 3, false);
  check_pool<kPool2, MaxReduce>("max pool 2x2", 1, 1, true);
  check_pool<kPoolBeyond, AverageReduce>("average pool, last window leaves the image", 1, 1, false);
  check_pool<kGlobal, AverageReduce>("global average pool", 2, 2, false);
  check_softmax(3, 1000);
  check_softmax(5, 3);
  check_reorder(2, 2 * B + 1, 3 * B + 2);
  check_map();
  check_depthwise<kDepthwise>("depthwise 3x3");
  check_depthwise<kDepthwise5>("depthwise 5x5 stride 2");
  check_depthwise<kDepthwiseSmall>("depthwise, image smaller than the window");
  check_depthwise<kDepthwiseDilated>("depthwise dilation 3");
  check_generic<kGrouped>("generic, groups and stride 2");
  check_generic<kPlain>("generic, dilation 2");
  return check::report();
}
