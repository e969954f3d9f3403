// Images on the device: [pixels][stored] with channels fastest, worked on in packs of 16 bytes of one pixel. Channels past the real ones
// are written as 0 up to `written`, what lies past that belongs to somebody else.
#pragma once

#include "cortado_cuda/expression.h"

namespace cortado::cuda {

/** How a tensor lies in memory. */
struct ImageRows {
  std::int64_t pixels; /**< Of all images. */
  int channels;
  int x_stored;  /**< Elements from one pixel of x to the next. */
  int y_written; /**< Channels written of each pixel, at least `channels`; what is past those becomes 0. */
  int y_stored;
};

/** A pack of one pixel. */
struct PackPlace {
  std::int64_t pixel;
  int channel; /**< Of its first lane. */
};

CORTADO_CONSTEXPR int packs_of(int written, int lanes) { return (written + lanes - 1) / lanes; }

/** Item of a list of pixels × packs, packs fastest. */
template <int N>
CORTADO_DEVICE PackPlace pack_place(std::int64_t item, int packs) {
  if (item <= INT32_MAX) {  // divisions of 32 bits cost a fraction of those of 64
    const unsigned narrow = static_cast<unsigned>(item), width = static_cast<unsigned>(packs);
    return PackPlace{narrow / width, static_cast<int>(narrow % width) * N};
  }
  return PackPlace{item / packs, static_cast<int>(item % packs) * N};
}

/** Channels [channel, channel + N) of the pixel at `pixel`, of which `channels` are real. kWideStore: the address is a multiple of the pack. */
template <bool kWideStore, int N, class T>
CORTADO_DEVICE void store_channels(T* pixel, Pack<N> value, int channel, int channels, int written) {
  CORTADO_UNROLL
  for (int i = 0; i < N; ++i) value.lane[i] = channel + i < channels ? value.lane[i] : 0.0f;
  if constexpr (kWideStore) {
    if (channel + N <= written) {
      store(pixel + channel, value);
      return;
    }
  }
  CORTADO_UNROLL
  for (int i = 0; i < N; ++i) {
    if (channel + i < written) store(pixel + channel + i, value.lane[i]);
  }
}

/** y[pixel][channels] = f(pixel, first channel, place in the dense tensor) for every pack. */
template <class T, class F>
__global__ void __launch_bounds__(kLinearBlock) each_pack_kernel(ImageRows rows, T* y, F f) {
  begin_kernel();
  constexpr int N = kWide<T>;
  const std::int64_t item = linear_index();
  const int packs = packs_of(rows.y_written, N);
  if (item >= rows.pixels * packs) return;
  const PackPlace place = pack_place<N>(item, packs);
  store_channels<true>(y + place.pixel * rows.y_stored, f.template operator()<Pack<N>>(place.pixel, place.channel), place.channel, rows.channels, rows.y_written);
}

/** Launches one thread per pack of y. */
template <class T, class F>
void each_pack(cudaStream_t stream, const ImageRows& rows, T* y, const F& f) {
  const Launch l = linear_launch(rows.pixels * packs_of(rows.y_written, kWide<T>));
  launch(each_pack_kernel<T, F>, l.grid, l.block, l.shared_bytes, stream, rows, y, f);
}

/** Place of a channel in a dense tensor: what the offset of an epilogue counts in. */
CORTADO_CONSTEXPR std::int64_t dense_offset(std::int64_t pixel, int channels, int channel) { return pixel * static_cast<int>(round_up(channels, 8)) + channel; }

}  // namespace cortado::cuda
