// Operators that move whole pixels: nearest resize, padding, cropping, and any other gather of pixels (y's pixel from one of x's or a constant).
#pragma once

#include "cortado/kernel_dims.h"
#include "cortado_cuda/image.h"

namespace cortado::cuda {

/** Sizes of the moved images; channels and strides as in ImageRows. */
struct MoveDims {
  std::int64_t n;
  int in_height;
  int in_width;
  int out_height;
  int out_width;
  int channels;
  int x_stored;
  int y_written;
  int y_stored;
};

template <class T, class Source>
struct MovedPack {
  const T* x;
  MoveDims d;
  Source source;
  /** Of the pack of y at that pixel. */
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    const int col = static_cast<int>(pixel % d.out_width);
    const std::int64_t row_of_all = pixel / d.out_width;
    const int row = static_cast<int>(row_of_all % d.out_height);
    const int from_row = source.row(row, d.in_height), from_col = source.col(col, d.in_width);
    if (from_row < 0 || from_col < 0) return splat<V>(source.value);
    const std::int64_t from = (row_of_all / d.out_height * d.in_height + from_row) * d.in_width + from_col;
    return load<V>(x + from * d.x_stored + channel);
  }
};

template <class T, class Source>
void move_image(cudaStream_t stream, const MoveDims& d, const Source& source, const T* x, T* y) {
  const ImageRows rows{d.n * d.out_height * d.out_width, d.channels, d.x_stored, d.y_written, d.y_stored};
  each_pack(stream, rows, y, MovedPack<T, Source>{x, d, source});
}

/** in = min(⌊out / scale⌋, size − 1), in floats as Caffe2 computes it. */
struct NearestSource {
  float height_scale;
  float width_scale;
  float value; /**< Never used: every pixel has a source. */
  CORTADO_DEVICE int row(int out, int size) const { return nearest(out, height_scale, size); }
  CORTADO_DEVICE int col(int out, int size) const { return nearest(out, width_scale, size); }

 private:
  static CORTADO_DEVICE int nearest(int out, float scale, int size) {
    const int in = static_cast<int>(static_cast<float>(out) / scale);
    return in < size - 1 ? in : size - 1;
  }
};

/** Negative pads crop. Reflection does not repeat the edge: −1 ↦ 1, size ↦ size − 2. */
template <PadMode kMode>
struct PadSource {
  int pad_top;
  int pad_left;
  float value; /**< Of kConstant. */
  CORTADO_DEVICE int row(int out, int size) const { return padded(out - pad_top, size); }
  CORTADO_DEVICE int col(int out, int size) const { return padded(out - pad_left, size); }

 private:
  static CORTADO_DEVICE int padded(int in, int size) {
    if constexpr (kMode == PadMode::kEdge) {
      return in < 0 ? 0 : in < size ? in : size - 1;
    } else if constexpr (kMode == PadMode::kReflect) {
      const int positive = in < 0 ? -in : in;
      return positive < size ? positive : 2 * size - positive - 2;
    } else {
      return in >= 0 && in < size ? in : -1;
    }
  }
};

template <class T>
void resize_nearest_image(cudaStream_t stream, const MoveDims& d, float height_scale, float width_scale, const T* x, T* y) {
  move_image(stream, d, NearestSource{height_scale, width_scale, 0.0f}, x, y);
}

template <PadMode kMode, class T>
void pad2d_image(cudaStream_t stream, const MoveDims& d, int pad_top, int pad_left, float value, const T* x, T* y) {
  move_image(stream, d, PadSource<kMode>{pad_top, pad_left, value}, x, y);
}

/** Channel k · groups + g of y is channel g · (c / groups) + k of x. */
template <class T>
struct ShuffledPack {
  const T* x;
  int x_stored;
  int channels;
  int groups;
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    V result = splat<V>(0.0f);
    for (int i = 0; i < LanesOf<V>::kValue && channel + i < channels; ++i) {
      const int at = channel + i;
      result.lane[i] = load<float>(x + pixel * x_stored + at % groups * (channels / groups) + at / groups);
    }
    return result;
  }
};

/** Transposes the channels as a matrix [groups][c / groups]. */
template <class T>
void shuffle_channels_image(cudaStream_t stream, const ImageRows& rows, std::int64_t groups, const T* x, T* y) {
  each_pack(stream, rows, y, ShuffledPack<T>{x, rows.x_stored, rows.channels, static_cast<int>(groups)});
}

}  // namespace cortado::cuda
