// Where the rows of the implicit matrix of a convolution lie. Row = output pixel, column k = (tap, channel), channels fastest. A gather
// knows the pixels of an image, the length of k, the source of an element and where the pixel goes; convolutions and the phases of a
// transposed convolution differ in nothing else.
#pragma once

#include "cortado_cuda/conv_shape.h"

namespace cortado::cuda {

/** An output pixel as the loader sees it: the first input pixel of its window, which may lie outside of the image. */
template <class T>
struct GatherRow {
  const T* at;
  int y; /**< kNoRow if there is no such pixel: then no tap is inside. */
  int x;
};

inline constexpr int kNoRow = -(1 << 28);

/** Where an element lies; the address means nothing if it does not exist (then it is zero). */
template <class T>
struct GatherSource {
  const T* at;
  bool exists;
};

/** All conditions, without branches. */
template <class... Condition>
CORTADO_DEVICE bool every(Condition... conditions) {
  return (static_cast<unsigned>(conditions) & ...) != 0u;
}

/** 0 ≤ index < size. */
CORTADO_DEVICE bool is_below(int index, int size) { return static_cast<unsigned>(index) < static_cast<unsigned>(size); }

/** Elements that one copy may move: 16, 8 or 4 bytes, all of one pixel; a single Half where channels are odd. */
template <class T>
CORTADO_CONSTEXPR int gather_piece(const Conv2dShape& s) {
  for (int piece = 16 / static_cast<int>(sizeof(T)); piece > 1; piece /= 2) {
    if (s.x_read % piece == 0 && s.x_stored % piece == 0 && (s.groups == 1 || in_group(s) % piece == 0)) return piece;
  }
  return 1;
}

/** Elements between the filters of two output channels: whole chunks of 16 bytes. */
template <class T>
CORTADO_CONSTEXPR int filter_pitch(int k) {
  return static_cast<int>(round_up(k, 16 / static_cast<int>(sizeof(T))));
}

template <class S, class T>
struct ForwardGather {
  static constexpr int kPhases = 1;
  static constexpr int kTaps = S::k.kernel_h * S::k.kernel_w;
  static constexpr int kLongest = kTaps * S::k.x_read; /**< The longest k of all phases. */
  static constexpr int kPixels = S::k.out_height * S::k.out_width;

  CORTADO_DEVICE explicit ForwardGather(int) {}

  static CORTADO_CONSTEXPR int most_pixels() { return kPixels; }
  CORTADO_DEVICE int pixels() const { return kPixels; }
  CORTADO_DEVICE int k() const { return kLongest; }
  CORTADO_DEVICE std::int64_t filter(int channel) const { return static_cast<std::int64_t>(channel) * filter_pitch<T>(kLongest); }

  CORTADO_DEVICE GatherRow<T> row(const T* x, int image, int pixel, int group, bool exists) const {
    const int y = pixel / S::k.out_width * S::k.stride_h - S::k.pad_top, col = pixel % S::k.out_width * S::k.stride_w - S::k.pad_left;
    const std::int64_t first = (static_cast<std::int64_t>(image) * S::k.in_height + y) * S::k.in_width + col;
    return GatherRow<T>{x + first * S::k.x_stored + group * in_group(S::k), exists ? y : kNoRow, col};
  }

  /** Where element k of the row lies, if it is inside of the image; kInside: k < k() is known. No branches: this is asked for every copy. */
  template <bool kInside>
  CORTADO_DEVICE GatherSource<T> source(const GatherRow<T>& row, unsigned k) const {
    if constexpr (is_pointwise(S::k)) {
      return GatherSource<T>{row.at + k, every(row.y >= 0, kInside || k < kLongest)};
    } else {
      const int tap = static_cast<int>(k / S::k.x_read), channel = static_cast<int>(k % S::k.x_read);
      const int dy = tap / S::k.kernel_w * S::k.dilation_h, dx = tap % S::k.kernel_w * S::k.dilation_w;
      return GatherSource<T>{row.at + ((dy * S::k.in_width + dx) * S::k.x_stored + channel),
                             every(is_below(row.y + dy, S::k.in_height), is_below(row.x + dx, S::k.in_width), kInside || k < kLongest)};
    }
  }

  CORTADO_DEVICE std::int64_t out_pixel(int image, int pixel) const { return static_cast<std::int64_t>(image) * kPixels + pixel; }
};

/** Along one axis: the taps that reach the outputs o ≡ phase (mod stride), in descending order, and the input of the first. */
struct PhaseAxis {
  int outputs; /**< Outputs of this phase. */
  int taps;
  int shift;   /**< Input index of the first tap at the phase's first output; the next output's is one more. */
};

CORTADO_CONSTEXPR PhaseAxis phase_axis(int phase, int stride, int pad, int kernel, int out) {
  const int first = (phase + pad) % stride;
  const int taps = first < kernel ? (kernel - first + stride - 1) / stride : 0;
  return PhaseAxis{phase < out ? (out - phase + stride - 1) / stride : 0, taps, (phase + pad - first) / stride - (taps - 1)};
}

/** Pads ≥ 0, dilation 1. Filters of a phase follow each other; the phases follow in order fh · stride_w + fw. */
template <class S, class T>
struct TransposedGather {
  static constexpr int kPhases = S::k.stride_h * S::k.stride_w;
  static_assert(S::k.dilation_h == 1 && S::k.dilation_w == 1 && S::k.pad_top >= 0 && S::k.pad_left >= 0, "transposed: no dilation, no negative pads");

  static CORTADO_CONSTEXPR PhaseAxis rows_of(int phase) { return phase_axis(phase / S::k.stride_w, S::k.stride_h, S::k.pad_top, S::k.kernel_h, S::k.out_height); }
  static CORTADO_CONSTEXPR PhaseAxis cols_of(int phase) { return phase_axis(phase % S::k.stride_w, S::k.stride_w, S::k.pad_left, S::k.kernel_w, S::k.out_width); }
  static CORTADO_CONSTEXPR int k_of(int phase) { return rows_of(phase).taps * cols_of(phase).taps * S::k.x_read; }

  static CORTADO_CONSTEXPR int longest() {
    int most = 0;
    for (int phase = 0; phase < kPhases; ++phase) most = k_of(phase) > most ? k_of(phase) : most;
    return most;
  }
  static constexpr int kLongest = longest();
  static CORTADO_CONSTEXPR int most_pixels() {
    int most = 0;
    for (int phase = 0; phase < kPhases; ++phase) {
      const int pixels = rows_of(phase).outputs * cols_of(phase).outputs;
      most = pixels > most ? pixels : most;
    }
    return most;
  }

  CORTADO_DEVICE explicit TransposedGather(int phase)
      : phase_(phase), rows_(phase_axis(phase / S::k.stride_w, S::k.stride_h, S::k.pad_top, S::k.kernel_h, S::k.out_height)),
        cols_(phase_axis(phase % S::k.stride_w, S::k.stride_w, S::k.pad_left, S::k.kernel_w, S::k.out_width)), filters_at_(0) {
    for (int before = 0; before < phase; ++before) {
      filters_at_ += static_cast<std::int64_t>(filter_pitch<T>(phase_k(before))) * S::k.out_channels;
    }
  }

  CORTADO_DEVICE int pixels() const { return rows_.outputs * cols_.outputs; }
  CORTADO_DEVICE int k() const { return rows_.taps * cols_.taps * S::k.x_read; }
  CORTADO_DEVICE std::int64_t filter(int channel) const { return filters_at_ + static_cast<std::int64_t>(channel) * filter_pitch<T>(k()); }

  CORTADO_DEVICE GatherRow<T> row(const T* x, int image, int pixel, int group, bool exists) const {
    const int y = pixel / cols_.outputs + rows_.shift, col = pixel % cols_.outputs + cols_.shift;
    const std::int64_t first = (static_cast<std::int64_t>(image) * S::k.in_height + y) * S::k.in_width + col;
    return GatherRow<T>{x + first * S::k.x_stored + group * in_group(S::k), exists ? y : kNoRow, col};
  }

  template <bool kInside>
  CORTADO_DEVICE GatherSource<T> source(const GatherRow<T>& row, unsigned k) const {
    const int tap = static_cast<int>(k / S::k.x_read), channel = static_cast<int>(k % S::k.x_read);
    const int dy = tap / cols_.taps, dx = tap % cols_.taps;
    return GatherSource<T>{row.at + ((dy * S::k.in_width + dx) * S::k.x_stored + channel),
                           every(is_below(row.y + dy, S::k.in_height), is_below(row.x + dx, S::k.in_width), kInside || static_cast<int>(k) < this->k())};
  }

  CORTADO_DEVICE std::int64_t out_pixel(int image, int pixel) const {
    const int row = pixel / cols_.outputs * S::k.stride_h + phase_ / S::k.stride_w, col = pixel % cols_.outputs * S::k.stride_w + phase_ % S::k.stride_w;
    return (static_cast<std::int64_t>(image) * S::k.out_height + row) * S::k.out_width + col;
  }

 private:
  static CORTADO_DEVICE int phase_k(int phase) {
    const PhaseAxis rows = phase_axis(phase / S::k.stride_w, S::k.stride_h, S::k.pad_top, S::k.kernel_h, S::k.out_height);
    const PhaseAxis cols = phase_axis(phase % S::k.stride_w, S::k.stride_w, S::k.pad_left, S::k.kernel_w, S::k.out_width);
    return rows.taps * cols.taps * S::k.x_read;
  }

  int phase_;
  PhaseAxis rows_;
  PhaseAxis cols_;
  std::int64_t filters_at_;
};

}  // namespace cortado::cuda
