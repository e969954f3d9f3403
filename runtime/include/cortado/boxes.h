// Boxes (x1, y1, x2, y2) with inclusive corners: sizes are x2 - x1 + 1. Decoding, clipping, overlap, suppression, as in
// Caffe2's generate_proposals_op_util_boxes.h and _nms.h.
#pragma once

#include <cmath>
#include <cstdint>

#include "cortado/part.h"

namespace cortado {

struct Box {
  float x1;
  float y1;
  float x2;
  float y2;
};

/** log(1000 / 16): larger changes of size are clipped. */
inline constexpr float kMaxLogScale = 4.135166556742356f;

CORTADO_INLINE Box load_box(const float* from) { return Box{from[0], from[1], from[2], from[3]}; }

/** The box that deltas (dx, dy, dw, dh), divided by the weights, make of `box`. */
CORTADO_INLINE Box decode_box(Box box, const float deltas[4], const float weights[4], bool inclusive) {
  const float width = box.x2 - box.x1 + 1.0f;
  const float height = box.y2 - box.y1 + 1.0f;
  const float x = deltas[0] / weights[0] * width + (box.x1 + 0.5f * width);
  const float y = deltas[1] / weights[1] * height + (box.y1 + 0.5f * height);
  const float log_w = deltas[2] / weights[2];
  const float log_h = deltas[3] / weights[3];
  const float new_width = std::exp(log_w < kMaxLogScale ? log_w : kMaxLogScale) * width;
  const float new_height = std::exp(log_h < kMaxLogScale ? log_h : kMaxLogScale) * height;
  const float offset = inclusive ? 1.0f : 0.0f;
  return Box{x - 0.5f * new_width, y - 0.5f * new_height, x + 0.5f * new_width - offset, y + 0.5f * new_height - offset};
}

CORTADO_INLINE float clip_coordinate(float value, float size) {
  const float low = value < size - 1.0f ? value : size - 1.0f;
  return low > 0.0f ? low : 0.0f;
}

CORTADO_INLINE Box clip_box(Box box, float height, float width) {
  return Box{clip_coordinate(box.x1, width), clip_coordinate(box.y1, height), clip_coordinate(box.x2, width),
             clip_coordinate(box.y2, height)};
}

CORTADO_INLINE float box_area(Box box) { return (box.x2 - box.x1 + 1.0f) * (box.y2 - box.y1 + 1.0f); }

/** Intersection over union. */
CORTADO_INLINE float box_overlap(Box a, Box b) {
  const float left = a.x1 > b.x1 ? a.x1 : b.x1;
  const float top = a.y1 > b.y1 ? a.y1 : b.y1;
  const float right = a.x2 < b.x2 ? a.x2 : b.x2;
  const float bottom = a.y2 < b.y2 ? a.y2 : b.y2;
  const float width = right - left + 1.0f > 0.0f ? right - left + 1.0f : 0.0f;
  const float height = bottom - top + 1.0f > 0.0f ? bottom - top + 1.0f : 0.0f;
  const float shared = width * height;
  return shared / (box_area(a) + box_area(b) - shared);
}

/**
 * Greedy suppression: `order` holds `count` indices, best first; afterwards its first entries are those that stay.
 * Returns how many; at most `limit` when that is positive. box_at(i) gives box i.
 */
template <class BoxAt>
CORTADO_INLINE std::int64_t suppress(std::int32_t* order, std::int64_t count, float threshold, std::int64_t limit,
                                     const BoxAt& box_at) {
  std::int64_t kept = 0;
  // Entries [kept, count) are still pending; each round keeps the first and closes the gaps of the others.
  while (kept < count && !(limit > 0 && kept >= limit)) {
    const Box best = box_at(order[kept]);
    kept++;
    std::int64_t left = kept;
    for (std::int64_t i = kept; i < count; i++) {
      if (box_overlap(best, box_at(order[i])) <= threshold) order[left++] = order[i];
    }
    count = left;
  }
  return kept;
}

}  // namespace cortado
