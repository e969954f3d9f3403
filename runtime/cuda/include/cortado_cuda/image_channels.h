// Ranges of the channels of images that do not begin with a pack, and so are no views: concatenation, slice and split, channel by channel.
#pragma once

#include "cortado_cuda/image.h"

namespace cortado::cuda {

/** Channels [first, first + channels) of each pixel of x. */
template <class T>
struct SlicedPack {
  const T* x;
  int x_stored;
  int first;
  int channels;
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    V result = splat<V>(0.0f);
    for (int i = 0; i < LanesOf<V>::kValue && channel + i < channels; ++i) result.lane[i] = load<float>(x + pixel * x_stored + first + channel + i);
    return result;
  }
};

/** y = rows.channels channels of x from `first` on. */
template <class T>
void slice_image(cudaStream_t stream, const ImageRows& rows, std::int64_t first, const T* x, T* y) {
  each_pack(stream, rows, y, SlicedPack<T>{x, rows.x_stored, static_cast<int>(first), rows.channels});
}

/** The channels of x cut into parts, each an image with strides of its own. */
template <class T, int kParts, class... Part>
void split_image(cudaStream_t stream, std::int64_t pixels, const Dims<kParts>& channels, const Dims<kParts>& written, const Dims<kParts>& stored,
                 std::int64_t x_stored, const T* x, Part*... parts) {
  T* const to[] = {parts...};
  std::int64_t first = 0;
  for (int k = 0; k < kParts; first += channels.d[k], ++k) {
    const ImageRows rows{pixels, static_cast<int>(channels.d[k]), static_cast<int>(x_stored), static_cast<int>(written.d[k]), static_cast<int>(stored.d[k])};
    slice_image(stream, rows, first, x, to[k]);
  }
}

/** The channels of several images side by side. */
template <class T, int kPieces>
struct JoinedPack {
  const T* pieces[kPieces];
  int ends[kPieces]; /**< Of each piece's channels among all. */
  int stored[kPieces];
  template <class V>
  CORTADO_DEVICE V operator()(std::int64_t pixel, int channel) const {
    V result = splat<V>(0.0f);
    for (int i = 0; i < LanesOf<V>::kValue && channel + i < ends[kPieces - 1]; ++i) {
      int piece = 0;
      while (channel + i >= ends[piece]) ++piece;
      const int first = piece == 0 ? 0 : ends[piece - 1];
      result.lane[i] = load<float>(pieces[piece] + pixel * stored[piece] + channel + i - first);
    }
    return result;
  }
};

/** y = the channels of the pieces side by side; piece k has channels[k], stored[k] elements from one pixel to the next. rows.x_stored is not used. */
template <class T, int kPieces, class... Piece>
void concat_image(cudaStream_t stream, const ImageRows& rows, const Dims<kPieces>& channels, const Dims<kPieces>& stored, T* y, const Piece*... pieces) {
  JoinedPack<T, kPieces> joined{{pieces...}, {}, {}};
  int end = 0;
  for (int k = 0; k < kPieces; ++k) {
    end += static_cast<int>(channels.d[k]);
    joined.ends[k] = end;
    joined.stored[k] = static_cast<int>(stored.d[k]);
  }
  each_pack(stream, rows, y, joined);
}

}  // namespace cortado::cuda
