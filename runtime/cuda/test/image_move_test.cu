// Kernels that move channels, pixels and regions, and reductions of row-major tensors, against obvious loops or the host's kernels: ranges
// of channels that begin anywhere, shuffles, conversions, regions of interest, camera bytes, reduce, arg max.
#include "conv_case.h"
#include "cortado/roi.h"
#include "cortado/search.h"
#include "cortado/stylizer.h"
#include "cortado_cuda/image_channels.h"
#include "cortado_cuda/image_move.h"
#include "cortado_cuda/image_rois.h"
#include "cortado_cuda/reduce.h"
#include "cortado_cuda/reorder.h"
#include "cortado_cuda/search.h"
#include "cortado_cuda/stylizer.h"
#include "image_case.h"

namespace image_move_test {

using namespace check;
using cortado::Dims;
using cortado::Part;
using namespace cortado::cuda;

inline constexpr Part kAll{0, 1};

/** [n][c][pixels] → [n][pixels][c]. */
std::vector<float> channels_last(const std::vector<float>& x, std::int64_t n, std::int64_t c, std::int64_t pixels) {
  std::vector<float> result(x.size());
  for (std::int64_t i = 0; i < n * c * pixels; ++i) {
    result[static_cast<std::size_t>((i / (c * pixels) * pixels + i % pixels) * c + i / pixels % c)] = x[static_cast<std::size_t>(i)];
  }
  return result;
}

std::vector<double> doubles(const std::vector<float>& values) { return std::vector<double>(values.begin(), values.end()); }

template <class T>
std::vector<double> as_stored(const std::vector<float>& values) {
  std::vector<double> result;
  for (const float value : values) result.push_back(static_cast<double>(rounded<T>(value)));
  return result;
}

/** y[pixel][channel] = x[pixel][from(channel)] for an image of `channels` of x. */
template <class T, class From, class Run>
void check_channels(const char* name, int channels, int result, int written, int stored, const From& from, const Run& run) {
  const int pixels = 30, x_stored = 56;
  const std::vector<float> x = numbers(std::size_t{static_cast<std::size_t>(pixels * channels)}, 1);
  std::vector<double> expected;
  for (int i = 0; i < pixels * result; ++i) {
    expected.push_back(static_cast<double>(rounded<T>(x[static_cast<std::size_t>(i / result * channels + from(i % result))])));
  }
  const DeviceArray<T> device_x(to_stored<T>(x, channels, channels, x_stored));
  check_image<T>(named<T>(name), pixels, result, written, stored, expected,
                 [&](T* y) { run(ImageRows{pixels, result, x_stored, written, stored}, device_x.data(), y); });
}

template <class T>
void check_ranges() {
  check_channels<T>("slice from channel 3", 45, 21, 24, 32, [](int c) { return c + 3; },
                    [](const ImageRows& rows, const T* x, T* y) { slice_image(nullptr, rows, 3, x, y); });
  check_channels<T>("shuffle of 3 groups", 45, 45, 48, 48, [](int c) { return c % 3 * 15 + c / 3; },
                    [](const ImageRows& rows, const T* x, T* y) { shuffle_channels_image(nullptr, rows, 3, x, y); });
  check_channels<T>("concatenation that swaps two parts", 45, 45, 48, 56, [](int c) { return c < 38 ? c + 7 : c - 38; },
                    [](const ImageRows& rows, const T* x, T* y) {
                      const DeviceArray<T> low(std::vector<T>(static_cast<std::size_t>(rows.pixels * 8))), high(std::vector<T>(static_cast<std::size_t>(rows.pixels * 48)));
                      split_image(nullptr, rows.pixels, Dims<2>{{7, 38}}, Dims<2>{{8, 40}}, Dims<2>{{8, 48}}, rows.x_stored, x, low.data(), high.data());
                      concat_image(nullptr, rows, Dims<2>{{38, 7}}, Dims<2>{{48, 8}}, y, static_cast<const T*>(high.data()), static_cast<const T*>(low.data()));
                      cudaDeviceSynchronize();
                    });
}

template <class T>
void check_conversions() {
  const std::int64_t n = 2, c = 37, pixels = 35;
  const std::vector<float> x = numbers(n * c * pixels, 2);
  const DeviceArray<float> device_x(x);
  check_image<T>(named<T>("to image, part of a wider one"), n * pixels, 37, 40, 64, as_stored<T>(channels_last(x, n, c, pixels)),
                 [&](T* y) { to_image(nullptr, n, c, pixels, 40, 64, device_x.data(), y); });
  const DeviceArray<T> image(to_stored<T>(channels_last(x, n, c, pixels), c, c, 64));
  in_both_orders([&](const char* order) {
    const DeviceArray<float> y(unset(n * c * pixels));
    to_plain(nullptr, n, c, pixels, 64, image.data(), y.data());
    close((named<T>("to plain") + order).c_str(), y.read(), as_stored<T>(x), 0);
  });
}

/** Regions of two images: inside, across a border, upside down, far outside, tiny. */
const std::vector<float> kRegions = {0, 2, 3, 40, 50, 1, -9, 4, 20, 70, 0, 30, 30, 10, 12, 1, 500, 500, 600, 700, 1, 8, 8, 8.5f, 8.25f};

template <class T>
void check_regions() {
  const std::int64_t n = 2, c = 13, h = 12, w = 10, regions = 5;
  std::vector<float> x = numbers(n * c * h * w, 3);
  for (float& value : x) value = rounded<T>(value);
  const DeviceArray<T> device_x(to_stored<T>(channels_last(x, n, c, h * w), c, c, 24));
  const DeviceArray<float> device_regions(kRegions);
  const RegionDims d{n, 12, 10, regions, 5, 3, 4, 13, 24, 16, 16};
  std::vector<float> y(static_cast<std::size_t>(regions * c * 12));
  for (const AlignOptions& options : {AlignOptions{0.25f, 2, false}, AlignOptions{0.25f, 0, false}, AlignOptions{0.25f, 3, true}}) {
    const cortado::RoiAlignOptions same{options.spatial_scale, 3, 4, options.sampling, 0, options.aligned ? 1 : 0};
    cortado::roi_align(kAll, x.data(), kRegions.data(), y.data(), Dims<6>{{n, c, h, w, regions, 5}}, same);
    check_image<T>(named<T>("roi align"), regions * 12, 13, 16, 16, doubles(channels_last(y, regions, c, 12)),
                   [&](T* to) { roi_align_image(nullptr, d, options, device_x.data(), device_regions.data(), to); });
  }
  cortado::roi_pool(kAll, x.data(), kRegions.data(), y.data(), Dims<5>{{n, c, h, w, regions}}, cortado::RoiPoolOptions{0.25f, 3, 4});
  check_image<T>(named<T>("roi pool"), regions * 12, 13, 16, 16, doubles(channels_last(y, regions, c, 12)),
                 [&](T* to) { roi_pool_image(nullptr, d, 0.25f, device_x.data(), device_regions.data(), to); });
}

template <class T>
void check_stylizer() {
  const std::int64_t n = 2, pixels = 33;
  std::vector<std::uint8_t> bytes;
  for (std::int64_t i = 0; i < n * pixels * 4; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  const std::vector<float> mean = {103.25f, 116.5f, 122.75f}, noise = numbers(std::int64_t{7}, 4);
  std::vector<float> y(static_cast<std::size_t>(n * 3 * pixels));
  cortado::stylizer_preprocess(kAll, n, pixels, 7, bytes.data(), mean.data(), noise.data(), y.data());
  const DeviceArray<std::uint8_t> device_bytes(bytes);
  const DeviceArray<float> device_mean(mean), device_noise(noise);
  check_image<T>(named<T>("bytes to an image"), n * pixels, 3, 8, 8, as_stored<T>(channels_last(y, n, 3, pixels)), [&](T* to) {
    stylizer_preprocess_image(nullptr, n, ImageRows{pixels, 3, 4, 8, 8}, 7, device_bytes.data(), device_mean.data(), device_noise.data(), to);
  });
  for (float& value : y) value = rounded<T>(value * 2.0f);  // some leave 0..255
  std::vector<std::uint8_t> expected(bytes.size());
  cortado::stylizer_deprocess(kAll, n, pixels, y.data(), mean.data(), expected.data());
  const DeviceArray<T> image(to_stored<T>(channels_last(y, n, 3, pixels), 3, 3, 16));
  const DeviceArray<std::uint8_t> result(bytes);
  stylizer_deprocess_image(nullptr, n * pixels, 16, image.data(), device_mean.data(), result.data());
  is_true(named<T>("an image to bytes").c_str(), result.read() == expected);
}

template <class Kind>
void check_reduce(const char* name) {
  const std::vector<float> x = numbers(std::int64_t{6 * 70 * 5}, 5);
  const Dims<2> kept{{6, 5}}, kept_strides{{350, 1}};
  const Dims<1> reduced{{70}}, reduced_strides{{5}};
  std::vector<float> expected(30);
  cortado::reduce<Kind, float, 2, 1>(kAll, x.data(), static_cast<const std::int32_t*>(nullptr), expected.data(), kept, kept_strides, reduced, reduced_strides);
  const DeviceArray<float> device_x(x), y(unset(30));
  cortado::cuda::reduce<Kind>(nullptr, device_x.data(), y.data(), kept, kept_strides, reduced, reduced_strides);
  close(name, y.read(), doubles(expected), 1e-6);
}

void check_search(const char* name, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  std::vector<float> x = numbers(outer * length * inner, 6);
  for (float& value : x) value = static_cast<float>(static_cast<int>(value * 8.0f));  // many are equal
  x[0] = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::int64_t> largest(static_cast<std::size_t>(outer * inner)), smallest = largest;
  cortado::arg_max(kAll, x.data(), largest.data(), outer, length, inner);
  cortado::arg_min(kAll, x.data(), smallest.data(), outer, length, inner);
  const DeviceArray<float> device_x(x);
  const DeviceArray<std::int64_t> y(std::vector<std::int64_t>(largest.size(), -1)), z(std::vector<std::int64_t>(largest.size(), -1));
  cortado::cuda::arg_max(nullptr, device_x.data(), y.data(), outer, length, inner);
  cortado::cuda::arg_min(nullptr, device_x.data(), z.data(), outer, length, inner);
  is_true(name, y.read() == largest && z.read() == smallest);
}

template <class T>
void image_kernels() {
  check_ranges<T>();
  check_conversions<T>();
  check_regions<T>();
  check_stylizer<T>();
}

}  // namespace image_move_test

int main() {
  image_move_test::image_kernels<float>();
  image_move_test::image_kernels<check::Half>();
  image_move_test::check_reduce<cortado::ReduceSum>("sum");
  image_move_test::check_reduce<cortado::ReduceMean>("mean");
  image_move_test::check_reduce<cortado::ReduceMax>("maximum");
  image_move_test::check_search("arg max and min of rows", 9, 77, 1);
  image_move_test::check_search("arg max and min of planes", 2, 21, 40);
  return check::report();
}
