// 8-bit kernels against loops written the obvious way, in one part and in several, with numbers at the ends of their range.
#include "cortado/quantized.h"
#include "cortado/quantized_conv.h"
#include "cortado/quantized_dot.h"
#include "cortado/quantized_image.h"
#include "cortado/quantized_pool.h"
#include "cortado/quantized_softmax.h"

#include "kernel_check.h"

namespace {

using namespace cortado;

std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }

std::vector<std::uint8_t> bytes(std::int64_t count, std::uint32_t seed) {
  std::vector<std::uint8_t> values;
  for (const float value : check::numbers(count, seed)) values.push_back(static_cast<std::uint8_t>((value + 1.0f) * 127.99f));
  return values;
}

void expect(const char* name, bool good) {
  std::printf("%s %s\n", good ? "ok  " : "FAIL", name);
  if (!good) check::failures++;
}

/** Exact rounding of value / 2^shift, halves away from zero; 0 <= shift <= 62. */
std::int64_t shift_away(std::int64_t value, int shift) {
  if (shift == 0) return value;
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  return value >= 0 ? (value + half) >> shift : -((-value + half) >> shift);
}

void check_requantize() {
  bool good = true;
  for (const std::int32_t multiplier : {1 << 30, 1288490240, 2147483520}) {
    for (int shift = 0; shift < 32; ++shift) {
      for (const std::int32_t acc : {0, 1, -1, 2, -2, 3, -3, 12345, -54321, 2147483647, -2147483647 - 1}) {
        const std::int64_t product = static_cast<std::int64_t>(acc) * multiplier;
        const std::int64_t scaled = (product + (std::int64_t{1} << 30)) >> 31;
        // Halves go away from zero by the sign of acc; the product may have been rounded to 0 or up to a negative half.
        std::int64_t value = shift_away(scaled, shift);
        if (acc < 0 && shift > 0 && scaled == 0) value = 0;
        const std::int64_t sum = value + 100;
        const std::int64_t wanted = sum < 3 ? 3 : sum > 250 ? 250 : sum;
        good = good && requantize(acc, Requantize{multiplier, shift, 100, 3, 250}) == wanted;
        const std::int32_t twice = rounded_scale(acc, multiplier, shift);
        good = good && twice == shift_away(scaled, shift);
      }
    }
  }
  expect("requantize and rounded_scale at the ends", good);
}

/** quantized_conv_dot of the same bytes gives the same bytes. */
template <bool Transposed>
bool dot_agrees(std::int64_t n, QuantizedConvDims d, const Requantize& to, const std::vector<std::uint8_t>& x, const std::vector<std::uint8_t>& w,
                std::int32_t w_zero, const std::vector<std::int32_t>& bias, const std::vector<std::uint8_t>& wanted, int parts) {
  d.w_zero = w_zero;
  const std::int64_t taps = d.kernel[0] * d.kernel[1] * d.channels, padded_taps = round_up(taps, kDotTaps), padded = round_up(d.out_channels, kDotChannels);
  std::vector<std::uint8_t> packed(size(padded * padded_taps), 0);
  std::vector<std::int32_t> offsets(size(padded), 0);
  for (std::int64_t m = 0; m < d.out_channels; ++m) {
    std::int64_t sum = 0;
    for (std::int64_t t = 0; t < taps; ++t) {
      sum += w[size(m * taps + t)];
      packed[size((m / kDotChannels * (padded_taps / kDotTaps) + t / kDotTaps) * 32 + m % kDotChannels * kDotTaps + t % kDotTaps)] = w[size(m * taps + t)];
    }
    offsets[size(m)] = static_cast<std::int32_t>(taps * d.x_zero * w_zero - d.x_zero * sum);
  }
  std::vector<std::uint8_t> y(wanted.size(), 7);
  check::in_parts(parts, [&](Part part) {
    std::vector<std::int64_t> scratch(size(round_up(kDotPixels * padded_taps, 64) + 4 * kDotPixels * padded) / 8);
    quantized_conv_dot<Transposed>(part, n, d, to, x.data(), packed.data(), bias.data(), offsets.data(), y.data(), scratch.data());
  });
  return y == wanted;
}

template <bool Transposed, class W>
void check_conv(const char* name, std::int64_t n, QuantizedConvDims d, int parts) {
  const std::int64_t per_group = d.channels / d.groups, taps = d.kernel[0] * d.kernel[1] * per_group;
  const auto x = bytes(n * d.in[0] * d.in[1] * d.channels, 1), w = bytes(d.out_channels * taps, 2);
  const std::int32_t w_zero = 131;
  std::vector<W> weights;
  for (const std::uint8_t value : w) weights.push_back(static_cast<W>(sizeof(W) == 1 ? value : value - w_zero));
  std::vector<std::int32_t> bias;
  for (const std::uint8_t value : bytes(d.out_channels, 3)) bias.push_back((value - 128) * 50);
  d.w_zero = sizeof(W) == 1 ? w_zero : 0;
  const Requantize to{1288490240, 8, 117, 5, 250};
  std::vector<std::uint8_t> y(size(n * d.out[0] * d.out[1] * d.out_channels), 7), wanted = y;
  for (std::int64_t at = 0; at < static_cast<std::int64_t>(y.size()); ++at) {
    const std::int64_t m = at % d.out_channels, column = at / d.out_channels % d.out[1];
    const std::int64_t row = at / (d.out_channels * d.out[1]) % d.out[0], image = at / (d.out_channels * d.out[1] * d.out[0]);
    std::int32_t sum = bias[size(m)];
    for (std::int64_t i = 0; i < d.in[0]; ++i) {
      for (std::int64_t j = 0; j < d.in[1]; ++j) {
        for (std::int64_t t = 0; t < taps; ++t) {
          const std::int64_t a = t / per_group / d.kernel[1], b = t / per_group % d.kernel[1];
          const bool hit = Transposed ? row == i * d.stride[0] - d.pad[0] + a && column == j * d.stride[1] - d.pad[1] + b
                                      : i == row * d.stride[0] - d.pad[0] + a * d.dilation[0] &&
                                            j == column * d.stride[1] - d.pad[1] + b * d.dilation[1];
          const std::int64_t c = m / (d.out_channels / d.groups) * per_group + t % per_group;
          if (!hit) continue;
          const std::int32_t pixel = x[size(((image * d.in[0] + i) * d.in[1] + j) * d.channels + c)] - d.x_zero;
          sum += pixel * (w[size(m * taps + t)] - w_zero);
        }
      }
    }
    wanted[size(at)] = requantize(sum, to);
  }
  const bool depthwise = sizeof(W) == 2 && d.groups == d.channels && d.groups == d.out_channels && d.groups > 1;
  bool short_agrees = true;
  check::in_parts(parts, [&](Part part) {
    std::vector<std::int64_t> scratch(size(round_up(2 * kPatchPixels * taps * d.groups, 64) + 4 * kPatchPixels * d.out_channels) / 8 + 1);
    if constexpr (sizeof(W) == 2 && !Transposed) {
      if (depthwise) {
        std::vector<std::int16_t> turned(weights.size());
        for (std::int64_t i = 0; i < static_cast<std::int64_t>(turned.size()); ++i) {
          turned[size(i)] = weights[size(i % d.out_channels * taps + i / d.out_channels)];
        }
        return quantized_depthwise(part, n, d, to, x.data(), turned.data(), bias.data(), y.data(), scratch.data());
      }
    }
    if constexpr (sizeof(W) == 2 && !Transposed) {
      if (d.groups == 1) {
        const std::int64_t padded = round_up(d.out_channels, kChannelLanes);
        std::vector<std::int16_t> turned(size(padded * taps), 0);
        for (std::int64_t i = 0; i < d.out_channels * taps; ++i) {
          const std::int64_t m = i / taps;
          turned[size((m / kChannelLanes * taps + i % taps) * kChannelLanes + m % kChannelLanes)] = weights[size(i)];
        }
        std::vector<std::int64_t> room(size(round_up(2 * kPatchPixels * taps, 64) + 4 * kPatchPixels * padded) / 8);
        quantized_conv_short(part, n, d, to, x.data(), turned.data(), bias.data(), y.data(), room.data());
        short_agrees = short_agrees && (parts > 1 || y == wanted);
      }
    }
    quantized_conv<Transposed>(part, n, d, to, x.data(), weights.data(), bias.data(), y.data(), scratch.data());
  });
  expect(name, y == wanted && short_agrees);
  if (d.groups == 1) expect("  by dot products of four", dot_agrees<Transposed>(n, d, to, x, w, w_zero, bias, wanted, parts));
}

void check_small() {
  const float x[6] = {1.25f, 1.75f, -0.25f, -9.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  const std::uint8_t wanted[6] = {12, 14, 10, 0, 255, 0};
  std::uint8_t y[6];
  quantize(Part{0, 1}, 6, x, 0.5f, 10, y);
  expect("quantize", std::memcmp(y, wanted, 6) == 0);
  float back[6];
  dequantize(Part{0, 1}, 6, y, 0.5f, 10, back);
  expect("dequantize", back[0] == 1.0f && back[1] == 2.0f && back[3] == -5.0f && back[4] == 122.5f);
  const std::int32_t sums[2] = {-2147483647 - 1, 2147483647};
  dequantize(Part{0, 1}, 2, sums, 1.0f, 1, back);
  expect("dequantize wraps as int32 does", back[0] == 2147483648.0f);
  const std::uint8_t a[3] = {10, 0, 255}, b[3] = {8, 8, 255}, added[3] = {45, 35, 255};
  const QuantizedAddTerms terms{5, 1 << 30, 0, 8, 1 << 30, 1, Requantize{1 << 30, 18, 40, 0, 255}};
  quantized_add(Part{0, 1}, 3, terms, a, b, y);
  expect("add", std::memcmp(y, added, 3) == 0);
  std::vector<std::int32_t> table(256, 3);
  table[255] = 8388607;
  std::vector<std::uint8_t> row(4000, 0), shares(4000, 1);
  row[7] = 255;
  quantized_softmax(Part{0, 1}, 1, 4000, row.data(), table.data(), shares.data());
  expect("softmax of a peak", shares[7] == 255 && shares[0] == 0);
}

void check_pools(int parts) {
  const QuantizedPoolDims d{19, {7, 6}, {4, 4}, {3, 4}, {2, 1}, {1, 0}};
  const auto x = bytes(2 * 7 * 6 * 19, 4);
  std::vector<std::uint8_t> most(size(2 * 4 * 4 * 19)), mean = most, wanted_most = most, wanted_mean = most;
  for (std::int64_t at = 0; at < static_cast<std::int64_t>(most.size()); ++at) {
    const std::int64_t c = at % 19, column = at / 19 % 4, row = at / 76 % 4, image = at / 304;
    std::int32_t largest = 40, sum = 0;
    for (std::int64_t k = 0; k < 12; ++k) {
      const std::int64_t i = row * 2 - 1 + k / 4, j = column + k % 4;
      if (i < 0 || i >= 7 || j >= 6) continue;
      const std::int32_t value = x[size(((image * 7 + i) * 6 + j) * 19 + c)];
      largest = value > largest ? value : largest;
      sum += value - 90;
    }
    wanted_most[size(at)] = static_cast<std::uint8_t>(largest > 240 ? 240 : largest);
    const float rounded = std::nearbyint(static_cast<float>(sum) * 0.0625f) + 100.0f;
    wanted_mean[size(at)] = static_cast<std::uint8_t>(rounded < 0.0f ? 0.0f : rounded > 255.0f ? 255.0f : rounded);
  }
  check::in_parts(parts, [&](Part part) {
    std::vector<std::int32_t> scratch(19);
    quantized_max_pool(part, 2, d, x.data(), 40, 240, most.data());
    quantized_average_pool(part, 2, d, x.data(), 90, 0.0625f, 100, 0, 255, mean.data(), scratch.data());
  });
  expect("max pool", most == wanted_most);
  expect("average pool", mean == wanted_mean);
}

void check_regions() {
  const std::uint8_t x[4] = {10, 20, 30, 40};
  const Dims<6> d{{1, 2, 2, 1, 1, 4}};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float square[4] = {0, 0, 2, 2}, bad[4] = {nan, 0, nan, 2}, huge[4] = {-3e9f, 0, 1e9f, 2};
  std::uint8_t y = 0;
  const QuantizedRoiOptions options{1.0f, 1, 1, 2, 1.0f, 2, 4, 0, 255};
  quantized_roi_align(Part{0, 1}, x, square, &y, d, options);
  expect("four samples", y == 35);
  quantized_roi_align(Part{0, 1}, x, bad, &y, d, options);
  expect("a region of NaN is 0", y == 4);
  QuantizedRoiOptions adaptive = options;
  adaptive.sampling = 0;
  quantized_roi_align(Part{0, 1}, x, huge, &y, d, adaptive);
  expect("a region without end is 0", y == 4);
}

}  // namespace

int main() {
  check_requantize();
  check_small();
  for (const int parts : {1, 3}) {
    check_conv<false, std::int16_t>("conv 3x2, pads, dilation", 2, {5, 7, 1, {7, 8}, {4, 8}, {3, 2}, {2, 1}, {1, 1}, {1, 2}, 121, 0}, parts);
    check_conv<false, std::uint8_t>("conv 3x2, weights as bytes", 2, {5, 7, 1, {7, 8}, {4, 8}, {3, 2}, {2, 1}, {1, 1}, {1, 2}, 121, 0}, parts);
    check_conv<false, std::int16_t>("conv in groups", 1, {8, 6, 2, {4, 5}, {4, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 0, 0}, parts);
    check_conv<false, std::int16_t>("1x1, rows of one pixel", 7, {130, 33, 1, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 255, 0}, parts);
    check_conv<false, std::uint8_t>("1x1, pixels in eights and fewer", 1, {36, 11, 1, {5, 5}, {5, 5}, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 9, 0}, parts);
    check_conv<false, std::int16_t>("depthwise", 2, {19, 19, 19, {6, 5}, {3, 3}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 100, 0}, parts);
    check_conv<true, std::int16_t>("transposed", 2, {3, 4, 1, {4, 5}, {8, 15}, {3, 2}, {2, 3}, {1, 0}, {1, 1}, 121, 0}, parts);
    check_pools(parts);
  }
  check_regions();
  return check::report();
}
