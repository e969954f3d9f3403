// Concatenation of the channels of images.
#pragma once

#include "cortado_cuda/image_map.h"

namespace cortado::cuda {

/** y = the channels of the pieces side by side; piece k has channels[k], stored[k] per pixel. All but the last are multiples of 8. */
template <class T, int kPieces, class... Piece>
void concat_image(cudaStream_t stream, std::int64_t pixels, const Dims<kPieces>& channels, const Dims<kPieces>& stored, std::int64_t y_stored, T* y,
                  const Piece*... pieces) {
  const T* const from[] = {pieces...};
  std::int64_t first = 0;
  for (int k = 0; k < kPieces; first += channels.d[k], ++k) {
    const std::int64_t written = k + 1 < kPieces ? channels.d[k] : y_stored - first;
    const ImageRows rows{pixels, static_cast<int>(channels.d[k]), static_cast<int>(stored.d[k]), static_cast<int>(written), static_cast<int>(y_stored)};
    copy_image(stream, rows, from[k], y + first);
  }
}

}  // namespace cortado::cuda
