// One table of boxes for every image of a batch.
#pragma once

#include "cortado/part.h"

namespace cortado {

/** y[image · count + i] = {image, boxes[i]...}; boxes: [count][4]. Parts split the rows. */
inline void repeat_boxes(Part part, std::int64_t n, std::int64_t count, const float* boxes, float* y) {
  const Range share = share_of(part, n * count);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    float* to = y + row * 5;
    to[0] = static_cast<float>(row / count);
    for (int i = 0; i < 4; ++i) to[i + 1] = boxes[row % count * 4 + i];
  }
}

}  // namespace cortado
