// Softmax, local response and instance normalization of images against obvious loops in doubles, float and Half.
#include "conv_case.h"
#include "cortado_cuda/image_norm.h"
#include "image_case.h"

namespace image_norm_test {

using namespace check;
using cortado::cuda::ImageRows;

/** Numbers as T holds them, times `scale`. */
template <class T>
std::vector<float> some_numbers(std::int64_t count, std::uint32_t seed, float scale) {
  std::vector<float> x = numbers(count, seed);
  for (float& value : x) value = rounded<T>(value * scale);
  return x;
}

template <class T>
void check_softmax(const char* name, int n, int pixels, int channels, int written, int stored) {
  const std::vector<float> x = some_numbers<T>(std::int64_t{n} * pixels * channels, 1, 8.0f);
  std::vector<double> expected;
  const std::size_t row = static_cast<std::size_t>(pixels * channels);
  for (std::size_t first = 0; first < x.size(); first += row) {
    double largest = -1e30, sum = 0;
    for (std::size_t i = first; i < first + row; ++i) largest = std::max(largest, static_cast<double>(x[i]));
    for (std::size_t i = first; i < first + row; ++i) sum += std::exp(static_cast<double>(x[i]) - largest);
    for (std::size_t i = first; i < first + row; ++i) expected.push_back(std::exp(static_cast<double>(x[i]) - largest) / sum);
  }
  const DeviceArray<T> device_x(to_stored<T>(x, channels, channels, stored));
  check_image<T>(named<T>(name), std::int64_t{n} * pixels, channels, written, stored, expected, [&](T* y) {
    cortado::cuda::softmax_image(nullptr, n, ImageRows{pixels, channels, stored, written, stored}, device_x.data(), y);
  });
}

template <class T>
void check_lrn(const char* name, int size, float beta) {
  const int pixels = 37, channels = 21;
  const std::vector<float> x = some_numbers<T>(std::int64_t{pixels} * channels, 2, 20.0f);
  std::vector<double> expected;
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) {
      double sum = 0;
      for (int other = std::max(c - size / 2, 0); other <= std::min(c + size / 2, channels - 1); ++other) {
        sum += std::pow(static_cast<double>(x[static_cast<std::size_t>(p * channels + other)]), 2);
      }
      expected.push_back(static_cast<double>(x[static_cast<std::size_t>(p * channels + c)]) * std::pow(2.0 + 0.01 / size * sum, -static_cast<double>(beta)));
    }
  }
  const DeviceArray<T> device_x(to_stored<T>(x, channels, 24, 24));
  check_image<T>(named<T>(name), pixels, channels, 24, 24, expected, [&](T* y) {
    cortado::cuda::lrn_image(nullptr, ImageRows{pixels, channels, 24, 24, 24}, size, 0.01f, beta, 2.0f, device_x.data(), y);
  });
}

struct Relu {
  template <class V>
  CORTADO_DEVICE V operator()(V x0, std::int64_t, std::int64_t) const {
    return cortado::cuda::max(x0, cortado::cuda::splat<V>(0.0f));
  }
};

/** Means far from zero: a variance as E x² − (E x)² would lose all digits. */
template <class T>
void check_instance_norm(const char* name, int n, int pixels, int channels) {
  std::vector<float> x = numbers(std::int64_t{n} * pixels * channels, 3);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = rounded<T>(x[i] + 30.0f + static_cast<float>(i % static_cast<std::size_t>(channels) % 7));
  const std::vector<float> scale = numbers(std::int64_t{channels} + 8, 4), bias = numbers(std::int64_t{channels} + 8, 5);
  std::vector<double> expected(x.size());
  for (int image = 0; image < n; ++image) {
    for (int c = 0; c < channels; ++c) {
      const auto at = [&](int p) { return static_cast<std::size_t>((image * pixels + p) * channels + c); };
      double mean = 0, variance = 0;
      for (int p = 0; p < pixels; ++p) mean += static_cast<double>(x[at(p)]) / pixels;
      for (int p = 0; p < pixels; ++p) variance += std::pow(static_cast<double>(x[at(p)]) - mean, 2) / pixels;
      for (int p = 0; p < pixels; ++p) {
        const double value = (static_cast<double>(x[at(p)]) - mean) / std::sqrt(variance + 1e-5);
        expected[at(p)] = std::max(value * static_cast<double>(scale[static_cast<std::size_t>(c)]) + static_cast<double>(bias[static_cast<std::size_t>(c)]), 0.0);
      }
    }
  }
  const int stored = static_cast<int>(cortado::cuda::round_up(channels, 8));
  const DeviceArray<T> device_x(to_stored<T>(x, channels, stored, stored));
  const DeviceArray<float> device_scale(scale), device_bias(bias);
  const DeviceArray<float> scratch(unset(static_cast<std::int64_t>(cortado::cuda::instance_norm_scratch_bytes(n, channels, pixels) / sizeof(float))));
  check_image<T>(named<T>(name), std::int64_t{n} * pixels, channels, stored, stored, expected, [&](T* y) {
    cortado::cuda::instance_norm_image(nullptr, n, ImageRows{pixels, channels, stored, stored, stored}, 1e-5f, device_x.data(), device_scale.data(),
                                       device_bias.data(), y, Relu{}, scratch.data());
  });
}

template <class T>
void all_kernels() {
  check_softmax<T>("softmax of images of one pixel", 3, 1, 1000, 1000, 1000);
  check_softmax<T>("softmax of 5 channels stored as 8", 4, 1, 5, 8, 8);
  check_softmax<T>("softmax over channels and pixels", 2, 12, 21, 24, 24);
  check_softmax<T>("softmax of row-major rows of 11", 5, 1, 11, 11, 11);
  check_lrn<T>("local response, size 5", 5, 0.75f);
  check_lrn<T>("local response, size 3, another exponent", 3, 0.6f);
  check_instance_norm<T>("instance normalization of one piece", 3, 40, 21);
  check_instance_norm<T>("instance normalization of four pieces", 2, 1601, 72);
}

}  // namespace image_norm_test

int main() {
  image_norm_test::all_kernels<float>();
  image_norm_test::all_kernels<check::Half>();
  return check::report();
}
