// Kernels of images against obvious loops, float and Half: pooling, averages, depthwise and grouped convolution, products with a few rows,
// elementwise maps, copies of channels, resize and padding. Channels past the real ones must come out 0, slices must leave the rest alone.
#include "conv_case.h"
#include "cortado_cuda/conv2d_direct.h"
#include "cortado_cuda/image_map.h"
#include "cortado_cuda/image_move.h"
#include "cortado_cuda/image_pool.h"
#include "image_case.h"

namespace image_test {

using namespace check;
using namespace cortado::cuda;
using cortado::PadMode;
using cortado::cuda::max;
using cortado::cuda::min;

// channels, ih, iw, oh, ow, kh, kw, sh, sw, pt, pl, x_stored, y_written, y_stored
inline constexpr Pool2dShape kPool{13, 9, 11, 5, 6, 3, 3, 2, 2, 1, 1, 16, 16, 16};
inline constexpr Pool2dShape kPoolSlice{16, 8, 7, 4, 3, 2, 3, 2, 2, 0, 0, 24, 16, 40};

template <const Pool2dShape& S, class Reduce, class T>
void check_pool(const char* name) {
  constexpr bool is_max = std::is_same_v<Reduce, MaxReduce>;
  const int n = 2;
  const std::vector<float> x = numbers(std::size_t{n * S.in_height * S.in_width * S.channels}, 1);
  const std::vector<float> bias = numbers(std::size_t{S.channels + 8}, 2);
  std::vector<double> expected;
  for (int i = 0; i < n * S.out_height * S.out_width; ++i) {
    const int image = i / S.out_width / S.out_height, top = i / S.out_width % S.out_height * S.stride_h - S.pad_top, left = i % S.out_width * S.stride_w - S.pad_left;
    for (int c = 0; c < S.channels; ++c) {
      double sofar = is_max ? -1e30 : 0, count = 0;
      for (int row = std::max(top, 0); row < std::min(top + S.kernel_h, S.in_height); ++row) {
        for (int col = std::max(left, 0); col < std::min(left + S.kernel_w, S.in_width); ++col, ++count) {
          const double value = static_cast<double>(rounded<T>(x[static_cast<std::size_t>(((image * S.in_height + row) * S.in_width + col) * S.channels + c)]));
          sofar = is_max ? std::max(sofar, value) : sofar + value;
        }
      }
      expected.push_back((is_max ? sofar : sofar / count) + static_cast<double>(bias[static_cast<std::size_t>(c)]));
    }
  }
  const DeviceArray<T> device_x(to_stored<T>(x, S.channels, S.x_stored, S.x_stored));
  const DeviceArray<float> device_bias(bias);
  check_image<T>(named<T>(name), n * S.out_height * S.out_width, S.channels, S.y_written, S.y_stored, expected,
                 [&](T* y) { pool2d_image<S, Reduce>(nullptr, n, device_x.data(), y, BiasOnly{device_bias.data()}); });
}

template <class T>
void check_average(const char* name, int n, int pixels, int channels) {
  const int stored = static_cast<int>(cortado::cuda::round_up(channels, 8));
  const std::vector<float> x = numbers(std::int64_t{n} * pixels * channels, 3);
  std::vector<double> expected(static_cast<std::size_t>(n * channels), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    expected[i / channels / pixels * channels + i % channels] += static_cast<double>(rounded<T>(x[i])) / pixels;
  }
  const DeviceArray<T> device_x(to_stored<T>(x, channels, stored, stored));
  check_image<T>(named<T>(name), n, channels, stored, stored, expected, [&](T* y) {
    global_average_image(nullptr, n, ImageRows{pixels, channels, stored, stored, stored}, device_x.data(), y, NoEpilogue{});
  });
}

// in, ih, iw, out, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw, groups, x_read, x_stored, y_written, y_stored
inline constexpr Conv2dShape kDepthwise{21, 9, 10, 21, 9, 10, 3, 3, 1, 1, 1, 1, 1, 1, 21, 1, 24, 24, 24};
inline constexpr Conv2dShape kDepthwiseStride{16, 11, 11, 16, 6, 5, 5, 3, 2, 2, 2, 0, 1, 1, 16, 1, 16, 16, 32};
inline constexpr Conv2dShape kDepthwiseDilated{8, 9, 9, 8, 9, 7, 3, 3, 1, 1, 2, 1, 2, 2, 8, 1, 8, 8, 8};
inline constexpr Conv2dShape kGroupedOdd{15, 7, 6, 10, 7, 6, 3, 3, 1, 1, 1, 1, 1, 1, 5, 3, 16, 16, 16};
inline constexpr Conv2dShape kPlainOdd{5, 7, 9, 3, 3, 4, 3, 2, 2, 2, 0, 0, 1, 1, 1, 5, 8, 3, 16};
inline constexpr Conv2dShape kRows{77, 1, 1, 45, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 80, 80, 48, 48};
inline constexpr Conv2dShape kLongRows{1000, 1, 1, 9, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1000, 1000, 9, 24};

/** [kh][kw][stored] of filters [m][kh][kw][1]. */
template <class T>
std::vector<T> pack_depthwise(const Conv2dShape& s, const std::vector<float>& filters) {
  const int taps = s.kernel_h * s.kernel_w, stored = dense_stored(s.out_channels);
  std::vector<T> packed(static_cast<std::size_t>(taps * stored), element_of<T>(0.0f));
  for (int m = 0; m < s.out_channels; ++m) {
    for (int tap = 0; tap < taps; ++tap) packed[static_cast<std::size_t>(tap * stored + m)] = element_of<T>(filters[static_cast<std::size_t>(m * taps + tap)]);
  }
  return packed;
}

/** launch(x, w, y, ep) with the numbers of conv_numbers and the epilogue ReLU(acc + bias + residual). */
template <const Conv2dShape& S, class T, class Launcher>
void check_conv(const char* name, int n, bool is_depthwise, const Launcher& launcher) {
  const Rounding round = std::is_same_v<T, Half> ? as_half : as_float;
  const ConvNumbers in = conv_numbers(S, n);
  std::vector<double> expected = convolve(S, n, in, round);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] = std::max(expected[i] + static_cast<double>(in.bias[i % S.out_channels]) + static_cast<double>(round(in.residual[i])), 0.0);
  }
  const int dense = dense_stored(S.out_channels);
  const DeviceArray<T> x(to_stored<T>(in.x, S.in_channels, S.x_stored, S.x_stored)), residual(to_stored<T>(in.residual, S.out_channels, dense, dense));
  const DeviceArray<T> w(is_depthwise ? pack_depthwise<T>(S, in.filters) : pack_filters<T>(S, in.filters, round));
  const DeviceArray<float> bias(in.bias);
  check_image<T>(named<T>(name), std::int64_t{n} * S.out_height * S.out_width, S.out_channels, S.y_written, S.y_stored, expected,
                 [&](T* y) { launcher(x.data(), w.data(), y, BiasResidualRelu<T>{bias.data(), residual.data()}); });
}

template <const Conv2dShape& S, int kStrip, class T>
void check_depthwise(const char* name) {
  check_conv<S, T>(name, 2, true, [](const T* x, const T* w, T* y, const auto& ep) { conv2d_depthwise<S, kStrip>(nullptr, 2, x, w, y, ep); });
}
template <const Conv2dShape& S, class T>
void check_grouped(const char* name) {
  check_conv<S, T>(name, 2, false, [](const T* x, const T* w, T* y, const auto& ep) { conv2d_grouped<S>(nullptr, 2, x, w, y, ep); });
}
template <const Conv2dShape& S, int kRowsAtOnce, class T>
void check_gemv(const char* name) {
  check_conv<S, T>(name, 5, false, [](const T* x, const T* w, T* y, const auto& ep) { conv2d_gemv<S, kRowsAtOnce>(nullptr, 5, x, w, y, ep); });
}

struct MultiplySigmoid {
  template <class V>
  CORTADO_DEVICE V operator()(V x0, V x1) const {
    return sigmoid(x0) * select(gt(x1, splat<V>(0.5f)), x1, exp(x1));
  }
};
struct AddOne {
  CORTADO_DEVICE float operator()(float x0) const { return x0 + 1.0f; }
};

template <class T>
void check_map() {
  const int pixels = 50, channels = 11;
  const std::vector<float> a = numbers(std::size_t{pixels * channels}, 4), b = numbers(std::size_t{channels}, 5);
  std::vector<double> product, plus_one, copied;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(rounded<T>(a[i])), y = static_cast<double>(b[i % channels]);
    product.push_back(1.0 / (1.0 + std::exp(-x)) * (y > 0.5 ? y : std::exp(y)));
    plus_one.push_back(x + 1.0);
    copied.push_back(x);
  }
  const DeviceArray<T> device_a(to_stored<T>(a, channels, 16, 24));
  const DeviceArray<float> device_b(to_stored<float>(b, channels, 16, 16));
  const ImageRows rows{pixels, channels, 24, 16, 16};
  check_image<T>(named<T>("map with an operand per channel"), pixels, channels, 16, 16, product, [&](T* y) {
    map_image(nullptr, rows, y, MultiplySigmoid{}, ImageOperand<T>{device_a.data(), 24}, ImageOperand<float>{device_b.data(), 0});
  });
  check_image<T>(named<T>("map of a functor for single floats"), pixels, channels, 16, 16, plus_one,
                 [&](T* y) { map_image(nullptr, rows, y, AddOne{}, ImageOperand<T>{device_a.data(), 24}); });
  check_image<T>(named<T>("copy of channels into a slice"), pixels, channels, channels, 32, copied,
                 [&](T* y) { copy_image(nullptr, ImageRows{pixels, channels, 24, channels, 32}, device_a.data(), y); });
}

/** source(out row, out col) → (in row, in col), −1 for the constant 0.25. */
template <class T, class Source, class Run>
void check_move(const char* name, const MoveDims& d, const Source& source, const Run& run) {
  const std::vector<float> x = numbers(static_cast<std::size_t>(d.n * d.in_height * d.in_width * d.channels), 6);
  std::vector<double> expected;
  for (int i = 0; i < d.n * d.out_height * d.out_width; ++i) {
    const int image = i / d.out_width / d.out_height, row = source(i / d.out_width % d.out_height, 0), col = source(i % d.out_width, 1);
    for (int c = 0; c < d.channels; ++c) {
      const std::size_t at = static_cast<std::size_t>(((image * d.in_height + row) * d.in_width + col) * d.channels + c);
      expected.push_back(row < 0 || col < 0 ? 0.25 : static_cast<double>(rounded<T>(x[at])));
    }
  }
  const DeviceArray<T> device_x(to_stored<T>(x, d.channels, d.x_stored, d.x_stored));
  check_image<T>(named<T>(name), d.n * d.out_height * d.out_width, d.channels, d.y_written, d.y_stored, expected, [&](T* y) { run(device_x.data(), y); });
}

template <class T>
void check_moves() {
  const MoveDims up{2, 5, 4, 10, 12, 11, 16, 16, 16}, padded{2, 5, 4, 8, 9, 11, 16, 11, 24};
  const int sizes[] = {5, 4}, pads[] = {2, 3};
  const float scales[] = {2.0f, 3.0f};
  check_move<T>("nearest resize", up, [&](int out, int axis) { return std::min(static_cast<int>(static_cast<float>(out) / scales[axis]), sizes[axis] - 1); },
                [&](const T* x, T* y) { resize_nearest_image(nullptr, up, scales[0], scales[1], x, y); });
  check_move<T>("constant padding", padded, [&](int out, int axis) { return out - pads[axis] < 0 || out - pads[axis] >= sizes[axis] ? -1 : out - pads[axis]; },
                [&](const T* x, T* y) { pad2d_image<PadMode::kConstant>(nullptr, padded, pads[0], pads[1], 0.25f, x, y); });
  check_move<T>("edge padding", padded, [&](int out, int axis) { return std::clamp(out - pads[axis], 0, sizes[axis] - 1); },
                [&](const T* x, T* y) { pad2d_image<PadMode::kEdge>(nullptr, padded, pads[0], pads[1], 0.0f, x, y); });
  check_move<T>("reflected padding", padded,
                [&](int out, int axis) {
                  const int in = std::abs(out - pads[axis]);
                  return in < sizes[axis] ? in : 2 * sizes[axis] - in - 2;
                },
                [&](const T* x, T* y) { pad2d_image<PadMode::kReflect>(nullptr, padded, pads[0], pads[1], 0.0f, x, y); });
}

template <class T>
void all_kernels() {
  check_pool<kPool, MaxReduce, T>("max pooling");
  check_pool<kPool, AverageReduce, T>("average pooling");
  check_pool<kPoolSlice, MaxReduce, T>("max pooling into a slice");
  check_average<T>("global average", 3, 49, 77);
#if !defined(__SANITIZE_ADDRESS__) && !defined(CORTADO_CUDA_SANITIZER)
  // More images than a grid is high: of no interest to sanitizers, which are slow.
  if (std::is_same_v<T, Half>) check_average<T>("global average of many images", 65537, 1, 8);
#endif
  check_depthwise<kDepthwise, 4, T>("depthwise 3x3");
  check_depthwise<kDepthwiseStride, 2, T>("depthwise 5x3 stride 2 into a slice");
  check_depthwise<kDepthwiseDilated, 1, T>("depthwise dilated");
  check_grouped<kGroupedOdd, T>("five groups of 3 channels");
  check_grouped<kPlainOdd, T>("odd channels");
  check_gemv<kRows, 1, T>("gemv, one row at a time");
  check_gemv<kLongRows, 4, T>("gemv, four rows at a time");
  check_map<T>();
  check_moves<T>();
}

}  // namespace image_test

int main() {
  image_test::all_kernels<float>();
  image_test::all_kernels<check::Half>();
  return check::report();
}
