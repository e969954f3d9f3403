// One case of an image convolution against the obvious loops: numbers, packing of filters as KERNELS.md says, expected result.
#pragma once

#include "cortado_cuda/conv_gather.h"
#include "device_check.h"

namespace check {

using cortado::cuda::Conv2dShape;

/** ReLU(acc + bias[channel] + residual[offset]), as the compiler prints functors. */
template <class T>
struct BiasResidualRelu {
  const float* operand1;
  const T* operand2;
  template <class V>
  CORTADO_DEVICE V operator()(V x0, std::int64_t channel, std::int64_t offset) const {
    using namespace cortado::cuda;
    const V x1 = load<V>(operand1 + channel);
    const V x2 = load<V>(operand2 + offset);
    return max((x0 + x1) + x2, splat<V>(0.0f));
  }
};

/** A functor for single numbers. */
struct BiasOnly {
  const float* operand1;
  CORTADO_DEVICE float operator()(float x0, std::int64_t channel, std::int64_t) const { return x0 + operand1[channel]; }
};

struct ConvNumbers {
  std::vector<float> x;        /**< [n][h][w][c] */
  std::vector<float> filters;  /**< [m][kh][kw][c / groups], or [c][kh][kw][m] if transposed */
  std::vector<float> bias;     /**< Padded to 8. */
  std::vector<float> residual; /**< [n][oh][ow][m] */
};

inline ConvNumbers conv_numbers(const Conv2dShape& s, int n) {
  const std::int64_t pixels = static_cast<std::int64_t>(n) * s.in_height * s.in_width;
  const std::int64_t out = static_cast<std::int64_t>(n) * s.out_height * s.out_width;
  const std::int64_t filter = static_cast<std::int64_t>(s.kernel_h) * s.kernel_w * s.in_channels / s.groups;
  return ConvNumbers{numbers(pixels * s.in_channels, 1), numbers(filter * s.out_channels, 2), numbers(std::int64_t{s.out_channels} + 8, 3),
                     numbers(out * s.out_channels, 4)};
}

/** Filters as the forward kernels read them: [group · m][kh][kw][x_read], each filter padded to 16 bytes. */
template <class T>
std::vector<T> pack_filters(const Conv2dShape& s, const std::vector<float>& filters, Rounding round) {
  const int channels = s.in_channels / s.groups, taps = s.kernel_h * s.kernel_w;
  const int pitch = cortado::cuda::filter_pitch<T>(taps * s.x_read);
  std::vector<T> packed(static_cast<std::size_t>(s.out_channels * pitch), element_of<T>(0.0f));
  for (int m = 0; m < s.out_channels; ++m) {
    for (int tap = 0; tap < taps; ++tap) {
      for (int c = 0; c < channels; ++c) {
        const float value = filters[static_cast<std::size_t>((m * taps + tap) * channels + c)];
        packed[static_cast<std::size_t>(m * pitch + tap * s.x_read + c)] = element_of<T>(round(value));
      }
    }
  }
  return packed;
}

/** Σ over the window, in doubles; [n][oh][ow][m]. */
inline std::vector<double> convolve(const Conv2dShape& s, int n, const ConvNumbers& in, Rounding round) {
  const int channels = s.in_channels / s.groups, outs = s.out_channels / s.groups;
  std::vector<double> y;
  for (int i = 0; i < n * s.out_height * s.out_width; ++i) {
    const int image = i / (s.out_height * s.out_width), oy = i / s.out_width % s.out_height, ox = i % s.out_width;
    for (int m = 0; m < s.out_channels; ++m) {
      double sum = 0;
      for (int kh = 0; kh < s.kernel_h; ++kh) {
        for (int kw = 0; kw < s.kernel_w; ++kw) {
          const int iy = oy * s.stride_h - s.pad_top + kh * s.dilation_h, ix = ox * s.stride_w - s.pad_left + kw * s.dilation_w;
          if (iy < 0 || ix < 0 || iy >= s.in_height || ix >= s.in_width) continue;
          for (int c = 0; c < channels; ++c) {
            const std::size_t at = static_cast<std::size_t>(((image * s.in_height + iy) * s.in_width + ix) * s.in_channels + m / outs * channels + c);
            const std::size_t tap = static_cast<std::size_t>(((m * s.kernel_h + kh) * s.kernel_w + kw) * channels + c);
            sum += static_cast<double>(round(in.x[at])) * static_cast<double>(round(in.filters[tap]));
          }
        }
      }
      y.push_back(sum);
    }
  }
  return y;
}

/** The part of y that belongs to the convolution, [pixels][m]; checks padding (0) and everything past y_written (untouched). */
template <class T>
std::vector<float> written_part(const std::string& name, const Conv2dShape& s, const std::vector<T>& y) {
  std::vector<float> result;
  bool padding = true, rest = true;
  const int pixels = static_cast<int>(y.size()) / s.y_stored;
  for (int p = 0; p < pixels; ++p) {
    for (int c = 0; c < s.y_stored; ++c) {
      const float value = value_of(y[static_cast<std::size_t>(p * s.y_stored + c)]);
      if (c < s.out_channels) result.push_back(value);
      else if (c < s.y_written) padding = padding && value == 0.0f;
      else rest = rest && std::isnan(value);
    }
  }
  if (!padding) is_true((name + ": padding channels are zero").c_str(), false);
  if (!rest) is_true((name + ": what lies past y_written stays").c_str(), false);
  return result;
}

}  // namespace check
