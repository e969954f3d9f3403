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
  int y;
  int x;
  bool exists;
};

/** Elements that one asynchronous copy may move: 16, 8 or 4 bytes, all of one pixel. */
template <class T>
constexpr int gather_piece(const Conv2dShape& s) {
  for (int piece = 16 / static_cast<int>(sizeof(T)); piece * sizeof(T) > 4; piece /= 2) {
    if (s.x_read % piece == 0 && s.x_stored % piece == 0 && (s.groups == 1 || in_group(s) % piece == 0)) return piece;
  }
  return 4 / static_cast<int>(sizeof(T));
}

/** Elements between the filters of two output channels: whole chunks of 16 bytes. */
template <class T>
constexpr int filter_pitch(int k) {
  return static_cast<int>(round_up(k, 16 / static_cast<int>(sizeof(T))));
}

template <const Conv2dShape& S, class T>
struct ForwardGather {
  static constexpr int kPhases = 1;
  static constexpr int kTaps = S.kernel_h * S.kernel_w;
  static constexpr int kLongest = kTaps * S.x_read; /**< The longest k of all phases. */
  static constexpr int kPixels = S.out_height * S.out_width;

  CORTADO_DEVICE explicit ForwardGather(int) {}

  static constexpr int most_pixels() { return kPixels; }
  CORTADO_DEVICE int pixels() const { return kPixels; }
  CORTADO_DEVICE int k() const { return kLongest; }
  CORTADO_DEVICE std::int64_t filter(int channel) const { return static_cast<std::int64_t>(channel) * filter_pitch<T>(kLongest); }

  CORTADO_DEVICE GatherRow<T> row(const T* x, int image, int pixel, int group, bool exists) const {
    const int y = pixel / S.out_width * S.stride_h - S.pad_top, col = pixel % S.out_width * S.stride_w - S.pad_left;
    const std::int64_t first = (static_cast<std::int64_t>(image) * S.in_height + y) * S.in_width + col;
    return GatherRow<T>{x + first * S.x_stored + group * in_group(S), y, col, exists};
  }

  /** Address of element k of the row; null outside of the image. */
  CORTADO_DEVICE const T* source(const GatherRow<T>& row, int k) const {
    if constexpr (is_pointwise(S)) {
      return row.exists && k < kLongest ? row.at + k : nullptr;
    } else {
      const int tap = k / S.x_read;
      const int dy = tap / S.kernel_w * S.dilation_h, dx = tap % S.kernel_w * S.dilation_w;
      const bool inside = static_cast<unsigned>(row.y + dy) < static_cast<unsigned>(S.in_height) &&
                          static_cast<unsigned>(row.x + dx) < static_cast<unsigned>(S.in_width);
      return row.exists && inside && k < kLongest ? row.at + (dy * S.in_width + dx) * S.x_stored + k % S.x_read : nullptr;
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

constexpr PhaseAxis phase_axis(int phase, int stride, int pad, int kernel, int out) {
  const int first = (phase + pad) % stride;
  const int taps = first < kernel ? (kernel - first + stride - 1) / stride : 0;
  return PhaseAxis{phase < out ? (out - phase + stride - 1) / stride : 0, taps, (phase + pad - first) / stride - (taps - 1)};
}

/** Pads ≥ 0, dilation 1. Filters of a phase follow each other; the phases follow in order fh · stride_w + fw. */
template <const Conv2dShape& S, class T>
struct TransposedGather {
  static constexpr int kPhases = S.stride_h * S.stride_w;
  static_assert(S.dilation_h == 1 && S.dilation_w == 1 && S.pad_top >= 0 && S.pad_left >= 0, "transposed: no dilation, no negative pads");

  static constexpr PhaseAxis rows_of(int phase) { return phase_axis(phase / S.stride_w, S.stride_h, S.pad_top, S.kernel_h, S.out_height); }
  static constexpr PhaseAxis cols_of(int phase) { return phase_axis(phase % S.stride_w, S.stride_w, S.pad_left, S.kernel_w, S.out_width); }
  static constexpr int k_of(int phase) { return rows_of(phase).taps * cols_of(phase).taps * S.x_read; }

  static constexpr int longest() {
    int most = 0;
    for (int phase = 0; phase < kPhases; ++phase) most = k_of(phase) > most ? k_of(phase) : most;
    return most;
  }
  static constexpr int kLongest = longest();
  static constexpr int most_pixels() {
    int most = 0;
    for (int phase = 0; phase < kPhases; ++phase) {
      const int pixels = rows_of(phase).outputs * cols_of(phase).outputs;
      most = pixels > most ? pixels : most;
    }
    return most;
  }

  CORTADO_DEVICE explicit TransposedGather(int phase)
      : phase_(phase), rows_(phase_axis(phase / S.stride_w, S.stride_h, S.pad_top, S.kernel_h, S.out_height)),
        cols_(phase_axis(phase % S.stride_w, S.stride_w, S.pad_left, S.kernel_w, S.out_width)), filters_at_(0) {
    for (int before = 0; before < phase; ++before) {
      filters_at_ += static_cast<std::int64_t>(filter_pitch<T>(phase_k(before))) * S.out_channels;
    }
  }

  CORTADO_DEVICE int pixels() const { return rows_.outputs * cols_.outputs; }
  CORTADO_DEVICE int k() const { return rows_.taps * cols_.taps * S.x_read; }
  CORTADO_DEVICE std::int64_t filter(int channel) const { return filters_at_ + static_cast<std::int64_t>(channel) * filter_pitch<T>(k()); }

  CORTADO_DEVICE GatherRow<T> row(const T* x, int image, int pixel, int group, bool exists) const {
    const int y = pixel / cols_.outputs + rows_.shift, col = pixel % cols_.outputs + cols_.shift;
    const std::int64_t first = (static_cast<std::int64_t>(image) * S.in_height + y) * S.in_width + col;
    return GatherRow<T>{x + first * S.x_stored + group * in_group(S), y, col, exists};
  }

  CORTADO_DEVICE const T* source(const GatherRow<T>& row, int k) const {
    if (!row.exists || k >= this->k()) return nullptr;
    const int tap = k / S.x_read;
    const int dy = tap / cols_.taps, dx = tap % cols_.taps;
    const bool inside = static_cast<unsigned>(row.y + dy) < static_cast<unsigned>(S.in_height) &&
                        static_cast<unsigned>(row.x + dx) < static_cast<unsigned>(S.in_width);
    return inside ? row.at + (dy * S.in_width + dx) * S.x_stored + k % S.x_read : nullptr;
  }

  CORTADO_DEVICE std::int64_t out_pixel(int image, int pixel) const {
    const int row = pixel / cols_.outputs * S.stride_h + phase_ / S.stride_w, col = pixel % cols_.outputs * S.stride_w + phase_ % S.stride_w;
    return (static_cast<std::int64_t>(image) * S.out_height + row) * S.out_width + col;
  }

 private:
  static CORTADO_DEVICE int phase_k(int phase) {
    const PhaseAxis rows = phase_axis(phase / S.stride_w, S.stride_h, S.pad_top, S.kernel_h, S.out_height);
    const PhaseAxis cols = phase_axis(phase % S.stride_w, S.stride_w, S.pad_left, S.kernel_w, S.out_width);
    return rows.taps * cols.taps * S.x_read;
  }

  int phase_;
  PhaseAxis rows_;
  PhaseAxis cols_;
  std::int64_t filters_at_;
};

}  // namespace cortado::cuda
