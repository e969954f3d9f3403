// Convolution and transposed convolution with few output channels (the last layer of a net that makes pictures): lanes are
// neighbouring output pixels, weights are broadcast, so that three channels fill vectors of sixteen. Writes plain; reads plain,
// or blocked through a band that is copied to plain rows with its padding. Column stride 1 (any when transposed), groups = 1.
// A transposed convolution is one convolution per phase (conv_transpose.h); the phases of a row are interleaved at its end.
// Weights (packConv2dFew): [phase][m_group][c][kh'][kw'][m], real output channels only.
#pragma once

#include "cortado/conv_transpose.h"
#include "cortado/reorder.h"

namespace cortado {

/** How the output is cut: `channels` × `vectors` accumulators; `band_rows` output rows share a copy of the input. */
struct Conv2dFewTile {
  int channels;
  int vectors;
  int band_rows;
};

struct PixelLoops {
  std::int64_t x_channel;
  std::int64_t x_row;
  int channels;
  int rows;
  int cols;
};

inline constexpr int kProductsPerSum = 32; /**< At least so many products are summed before they are added to the rest. */

/**
 * sums[m][pixel] = Σ x[c][kh][pixel + kw] · w[c][kh][kw][m] for kVectors vectors of pixels. Channels are summed in groups of
 * their own first: one long sum of a 9×9 filter would lose a digit against the other kernels.
 */
template <int B, int kChannels, int kVectors>
CORTADO_NOINLINE void pixel_tile(const PixelLoops& loops, const float* x, const float* w, float* sums, std::int64_t sums_channel) {
  using F = Vec<float, B>;
  const int taps = loops.rows * loops.cols > 0 ? loops.rows * loops.cols : 1;
  const int group = (kProductsPerSum + taps - 1) / taps;
  for (int first = 0; first < loops.channels; first += group) {
    const int end = first + group < loops.channels ? first + group : loops.channels;
    F acc[kChannels][kVectors] = {};
    for (int c = first; c < end; ++c, x += loops.x_channel) {
      const float* row = x;
      for (int kh = 0; kh < loops.rows; ++kh, row += loops.x_row) {
        const float* at = row;
        for (int kw = 0; kw < loops.cols; ++kw, ++at, w += kChannels) {
          F pixels[kVectors];
          static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
            pixels[v] = load<F>(at + v * B);
            hold_in_register(pixels[v]);
          });
          static_for<0, kChannels>([&](auto m) __attribute__((always_inline)) {
            const F weight = splat<F>(w[m]);
            static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) { acc[m][v] = fma(pixels[v], weight, acc[m][v]); });
          });
        }
      }
    }
    static_for<0, kChannels>([&](auto m) __attribute__((always_inline)) {
      static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) {
        float* sum = sums + m * sums_channel + v * B;
        store(sum, first == 0 ? acc[m][v] : load<F>(sum) + acc[m][v]);
      });
    });
  }
}

/** What both convolutions look like from here: phases of stride-1 convolutions over a band of plain rows. */
template <const Conv2dShape& S, const Conv2dFewTile& T, bool kTransposed>
struct FewGeometry {
  static constexpr int phases_h = kTransposed ? S.stride_h : 1;
  static constexpr int phases_w = kTransposed ? S.stride_w : 1;
  static constexpr int row_step = kTransposed ? 1 : S.stride_h;
  static constexpr Conv2dShape phase(int h, int w) { return kTransposed ? phase_shape(S, h, w) : S; }
  static constexpr int pad_top(int h) { return kTransposed ? phase_taps(h, S.kernel_h, S.stride_h, S.pad_top) - 1 - (h + S.pad_top) / S.stride_h : S.pad_top; }
  static constexpr int pad_left(int w) { return kTransposed ? phase_taps(w, S.kernel_w, S.stride_w, S.pad_left) - 1 - (w + S.pad_left) / S.stride_w : S.pad_left; }
  /** Input columns left of the first that a band holds. */
  static constexpr int left() {
    int most = pad_left(0) > 0 ? pad_left(0) : 0;
    for (int w = 1; w < phases_w; ++w) most = pad_left(w) > most ? pad_left(w) : most;
    return most;
  }
  static constexpr int extent_w = kTransposed ? static_cast<int>(ceil_div(S.kernel_w, S.stride_w)) : dilated_extent(S.kernel_w, S.dilation_w);
  static constexpr int extent_h = kTransposed ? static_cast<int>(ceil_div(S.kernel_h, S.stride_h)) : dilated_extent(S.kernel_h, S.dilation_h);
  static constexpr int cols = static_cast<int>(ceil_div(S.out_width, phases_w));
  static constexpr int vectors = static_cast<int>(ceil_div(cols, S.block));
  static constexpr int sums_row = vectors * S.block;
  static constexpr int width = static_cast<int>(round_up(sums_row + extent_w, S.block));
  static constexpr int band_rows = T.band_rows < S.out_height ? T.band_rows : S.out_height;
  /** Input rows under a band, one more where phases begin at different rows. */
  static constexpr int height = kTransposed ? static_cast<int>(ceil_div(band_rows, S.stride_h)) + extent_h : (band_rows - 1) * S.stride_h + extent_h;
  /** First input row under an output row. */
  static constexpr int first_row(int row) { return row / phases_h * row_step - pad_top(row % phases_h); }
};

/** 4 · (C · height · width + channels · phases_w · round_up(cols, B)), see FewGeometry. */
template <const Conv2dShape& S, const Conv2dFewTile& T, bool kTransposed>
constexpr std::size_t conv2d_few_scratch_bytes() {
  using G = FewGeometry<S, T, kTransposed>;
  return sizeof(float) * static_cast<std::size_t>(std::int64_t{S.in_channels} * G::height * G::width + std::int64_t{T.channels} * G::phases_w * G::sums_row);
}

/** `count` pixels of up to B channels, blocked → rows of `to_channel` floats apart. */
template <int B, class X>
CORTADO_INLINE void blocked_row_to_plain(const X* from, int count, int channels, float* to, std::int64_t to_channel) {
  int first = 0;
  for (; channels == B && first + B <= count; first += B) transpose_square<B>(from + first * B, B, to + first, to_channel);
  for (int lane = 0; lane < channels; ++lane) {
    for (int p = first; p < count; ++p) to[lane * to_channel + p] = load<float>(from + p * B + lane);
  }
}

/** Input rows [first, first + height) of all channels as [c][height][width], zeros outside the image. */
template <const Conv2dShape& S, const Conv2dFewTile& T, bool kTransposed, bool kBlockedInput, class X>
void copy_plain_band(const X* x, int first, float* band) {
  using G = FewGeometry<S, T, kTransposed>;
  constexpr int left = G::left();
  constexpr int have = S.in_width < G::width - left ? S.in_width : G::width - left;
  constexpr std::int64_t channel = std::int64_t{G::height} * G::width, plane = std::int64_t{S.in_height} * S.in_width;
  constexpr int unit = kBlockedInput ? S.block : 1;
  for (int c = 0; c < S.in_channels; c += unit) {
    const int lanes = S.in_channels - c < unit ? S.in_channels - c : unit;
    for (int r = 0; r < G::height; ++r) {
      float* to = band + c * channel + std::int64_t{r} * G::width;
      const int row = first + r;
      const bool is_inside = row >= 0 && row < S.in_height;
      for (int lane = 0; lane < lanes; ++lane) {
        float* lane_row = to + lane * channel;
        std::memset(lane_row, 0, sizeof(float) * static_cast<std::size_t>(is_inside ? left : G::width));
        if (is_inside) std::memset(lane_row + left + have, 0, sizeof(float) * static_cast<std::size_t>(G::width - left - have));
      }
      if (!is_inside) continue;
      const X* from = x + c * plane + std::int64_t{row} * S.in_width * unit;
      if constexpr (kBlockedInput) {
        blocked_row_to_plain<S.block>(from, have, lanes, to + left, channel);
      } else {
        std::memcpy(to + left, from, sizeof(float) * static_cast<std::size_t>(have));
      }
    }
  }
}

/** One phase of kChannels output channels of one row: all its vectors of pixels. */
template <int B, int kChannels, int kVectors, int kAllVectors>
CORTADO_INLINE void pixel_row(const PixelLoops& loops, const float* x, const float* w, float* sums, std::int64_t sums_channel) {
  constexpr Split split = split_by(kAllVectors, kVectors);
  constexpr int longer = split.base() + (split.longer() > 0 ? 1 : 0);
  for (int tile = 0; tile < split.count; ++tile) {
    const int at = split.begin(tile) * B;
    if (tile < split.longer()) {
      pixel_tile<B, kChannels, longer>(loops, x + at, w, sums + at, sums_channel);
    } else {
      pixel_tile<B, kChannels, split.base()>(loops, x + at, w, sums + at, sums_channel);
    }
  }
}

/** Output row `row` of kChannels channels from `channel` on; returns the weights behind those used. y: the row of channel 0. */
template <const Conv2dShape& S, const Conv2dFewTile& T, bool kTransposed, int kChannels, class Ep>
void few_channels_row(int row, int first_row, const float* band, const float* const* phase_w, int channel, float* sums, float* y,
                      const Ep& ep, std::int64_t offset) {
  using G = FewGeometry<S, T, kTransposed>;
  constexpr std::int64_t plane = std::int64_t{S.out_height} * S.out_width;
  constexpr std::int64_t sums_channel = std::int64_t{G::phases_w} * G::sums_row;
  const int phase_h = row % G::phases_h;
  const float* x_row = band + std::int64_t{G::first_row(row) - first_row} * G::width;
  static_for<0, G::phases_w>([&](auto phase) {
    constexpr int phase_w_index = decltype(phase)::value;
    const Conv2dShape p = G::phase(phase_h, phase_w_index);
    const PixelLoops loops{std::int64_t{G::height} * G::width, std::int64_t{p.dilation_h} * G::width, S.in_channels, p.kernel_h, p.kernel_w};
    const float* w = phase_w[phase_h * G::phases_w + phase_w_index] + std::int64_t{channel} * S.in_channels * p.kernel_h * p.kernel_w;
    pixel_row<S.block, kChannels, T.vectors, G::vectors>(loops, x_row + (G::left() - G::pad_left(phase_w_index)), w, sums + phase_w_index * G::sums_row, sums_channel);
  });
  for (int m = 0; m < kChannels; ++m) {
    float* to = y + (channel + m) * plane;
    const float* from = sums + m * sums_channel;
    if constexpr (G::phases_w == 1) {
      std::memcpy(to, from, sizeof(float) * static_cast<std::size_t>(S.out_width));
    } else {
      for (int col = 0; col < S.out_width; ++col) to[col] = from[col % G::phases_w * G::sums_row + col / G::phases_w];
    }
    finish_plain_row(to, S.out_width, ep, channel + m, offset + (channel + m) * plane);
  }
}

/** y = ep(x ∗ w) or ep(x transposed-∗ w), y plain; blocked x may be bf16. Parts split bands of rows of all images. */
template <const Conv2dShape& S, const Conv2dFewTile& T, bool kTransposed, bool kBlockedInput, class Ep, class X>
void conv2d_few(Part part, std::int64_t n, const X* x, const float* w, float* y, const Ep& ep, void* scratch) {
  static_assert(S.groups == 1 && S.dilation_w == 1 && (kTransposed || S.stride_w == 1), "groups, dilated and strided columns: use conv2d_direct");
  static_assert(S.pad_top >= 0 && S.pad_left >= 0 && (!kTransposed || T.band_rows % S.stride_h == 0));
  using G = FewGeometry<S, T, kTransposed>;
  constexpr std::int64_t plane = std::int64_t{S.out_height} * S.out_width;
  constexpr std::int64_t in_channels = kBlockedInput ? round_up(S.in_channels, S.block) : S.in_channels;
  const std::int64_t x_image = stride_or(S.x_image_stride, in_channels * S.in_height * S.in_width);
  const std::int64_t y_image = stride_or(S.y_image_stride, S.out_channels * plane);
  const float* phase_w[G::phases_h * G::phases_w];
  for (int phase = 0; phase < G::phases_h * G::phases_w; ++phase) {
    phase_w[phase] = w;
    const Conv2dShape p = G::phase(phase / G::phases_w, phase % G::phases_w);
    w += std::int64_t{S.out_channels} * S.in_channels * p.kernel_h * p.kernel_w;
  }
  constexpr int bands = static_cast<int>(ceil_div(S.out_height, G::band_rows));
  float* band = static_cast<float*>(scratch);
  float* sums = band + std::int64_t{S.in_channels} * G::height * G::width;
  const Range share = share_of(part, n * bands);
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t image = item / bands;
    const int begin = static_cast<int>(item % bands) * G::band_rows;
    const int end = begin + G::band_rows < S.out_height ? begin + G::band_rows : S.out_height;
    int first_row = G::first_row(begin);
    for (int row = begin + 1; row < end && row < begin + G::phases_h; ++row) first_row = G::first_row(row) < first_row ? G::first_row(row) : first_row;
    copy_plain_band<S, T, kTransposed, kBlockedInput>(x + image * x_image, first_row, band);
    for (int row = begin; row < end; ++row) {
      float* y_row = y + image * y_image + std::int64_t{row} * S.out_width;
      const std::int64_t offset = image * S.out_channels * plane + std::int64_t{row} * S.out_width;
      constexpr int tail = S.out_channels % T.channels;
      int channel = 0;
      for (; channel + T.channels <= S.out_channels; channel += T.channels) {
        few_channels_row<S, T, kTransposed, T.channels>(row, first_row, band, phase_w, channel, sums, y_row, ep, offset);
      }
      if constexpr (tail > 0) few_channels_row<S, T, kTransposed, tail>(row, first_row, band, phase_w, channel, sums, y_row, ep, offset);
    }
  }
}

}  // namespace cortado
