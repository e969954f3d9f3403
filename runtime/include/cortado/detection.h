// Region proposals and detections on plain tensors. How many come out depends on the values: counts are stored through
// `found` (null = nobody asks) and never exceed the bound of the output. All work of a call is done by part 0.
#pragma once

#include <cmath>
#include <cstdint>

#include "cortado/boxes.h"
#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/heap.h"
#include "cortado/part.h"

namespace cortado {

struct ProposalOptions {
  float spatial_scale;
  float threshold;
  float min_size;
  std::int64_t pre_top;  /* <= 0: all */
  std::int64_t post_top; /* <= 0: all */
  std::int64_t inclusive;
};

struct BoxTransformOptions {
  float weights[4];
  std::int64_t apply_scale;
  std::int64_t inclusive;
};

struct NmsOptions {
  float score_threshold;
  float threshold;
  float sigma;
  float min_score;
  std::int64_t limit; /* <= 0: none */
  std::int64_t soft;
  std::int64_t gaussian;
};

/** Bytes from `scratch` on, as an array; moves `scratch` behind it. Element sizes must not grow from call to call. */
template <class T>
CORTADO_INLINE T* take_scratch(unsigned char*& scratch, std::int64_t count) {
  T* taken = reinterpret_cast<T*>(scratch);
  scratch += count * static_cast<std::int64_t>(sizeof(T));
  return taken;
}

/**
 * scores [n][a][h][w], deltas [n][4a][h][w], info [n][3], anchors [a][4] -> rois [found][5], probabilities [found].
 * scratch: 4 bytes for each candidate of an image, 20 for each that is decoded.
 */
CORTADO_NOINLINE inline cortado_status generate_proposals(Part part, const float* scores, const float* deltas,
                                                          const float* info, const float* anchors, float* rois,
                                                          float* probabilities, std::int64_t* found, const Dims<4>& d,
                                                          const ProposalOptions& options, void* scratch) {
  if (part.index != 0) return CORTADO_OK;
  constexpr float kUnit[4] = {1.0f, 1.0f, 1.0f, 1.0f};
  const std::int64_t a = d.d[1], h = d.d[2], w = d.d[3];
  const std::int64_t plane = h * w;
  const std::int64_t candidates = a * plane;
  const std::int64_t decoded = options.pre_top > 0 ? min_of(options.pre_top, candidates) : candidates;
  unsigned char* free = static_cast<unsigned char*>(scratch);
  Box* boxes = take_scratch<Box>(free, decoded);
  std::int32_t* order = take_scratch<std::int32_t>(free, candidates);
  std::int32_t* pending = take_scratch<std::int32_t>(free, decoded);
  const float stride = 1.0f / options.spatial_scale;
  std::int64_t total = 0;
  for (std::int64_t image = 0; image < d.d[0]; image++) {
    const float* own_scores = scores + image * candidates;
    const float* own_deltas = deltas + image * 4 * candidates;
    const float height = info[image * 3], width = info[image * 3 + 1];
    const float least = options.min_size * info[image * 3 + 2];
    // Candidate i is anchor i % a of cell i / a.
    const auto score_at = [&](std::int32_t i) { return own_scores[(i % a) * plane + i / a]; };
    for (std::int64_t i = 0; i < candidates; i++) order[i] = static_cast<std::int32_t>(i);
    sort_to_end(order, candidates, decoded, [&](std::int32_t i, std::int32_t j) {
      return score_at(i) > score_at(j) || (!(score_at(j) > score_at(i)) && i < j);
    });
    const auto ranked = [&](std::int64_t rank) { return order[candidates - 1 - rank]; };
    std::int64_t big = 0;
    for (std::int64_t rank = 0; rank < decoded; rank++) {
      const std::int64_t i = ranked(rank);
      const std::int64_t anchor = i % a, cell = i / a;
      const float shift_x = static_cast<float>(cell % w) * stride, shift_y = static_cast<float>(cell / w) * stride;
      const float* corner = anchors + anchor * 4;
      const Box start{corner[0] + shift_x, corner[1] + shift_y, corner[2] + shift_x, corner[3] + shift_y};
      float delta[4];
      for (int k = 0; k < 4; k++) delta[k] = own_deltas[(anchor * 4 + k) * plane + cell];
      const Box box = clip_box(decode_box(start, delta, kUnit, options.inclusive != 0), height, width);
      boxes[rank] = box;
      const float size_x = box.x2 - box.x1 + 1.0f, size_y = box.y2 - box.y1 + 1.0f;
      const bool inside = box.x1 + size_x / 2.0f < width && box.y1 + size_y / 2.0f < height;
      if (size_x >= least && size_y >= least && inside) pending[big++] = static_cast<std::int32_t>(rank);
    }
    const std::int64_t kept =
        suppress(pending, big, options.threshold, options.post_top, [&](std::int32_t i) { return boxes[i]; });
    for (std::int64_t k = 0; k < kept; k++, total++) {
      const Box box = boxes[pending[k]];
      if (probabilities != nullptr) probabilities[total] = score_at(ranked(pending[k]));
      if (rois == nullptr) continue;
      float* row = rois + total * 5;
      row[0] = static_cast<float>(image);
      row[1] = box.x1;
      row[2] = box.y1;
      row[3] = box.x2;
      row[4] = box.y2;
    }
  }
  if (found != nullptr) *found = total;
  return CORTADO_OK;
}

/**
 * rois [m][4 or 5], deltas [m][4 * classes], info [images][3] -> boxes [m][4 * classes], counts [images] (may be null).
 * d: m, numbers of a roi, classes, images. Rois of one image lie in a row, images in order.
 */
CORTADO_NOINLINE inline cortado_status box_transform(Part part, const float* rois, const float* deltas, const float* info,
                                                     float* boxes, float* counts, const Dims<4>& d,
                                                     const BoxTransformOptions& options) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t rows = d.d[0], columns = d.d[1], classes = d.d[2], images = d.d[3];
  std::int64_t row = 0;
  for (std::int64_t i = 0; i < rows && columns == 5; i++) {
    if (!(rois[i * 5] > -1.0f && rois[i * 5] < static_cast<float>(images))) return CORTADO_INDEX_OUT_OF_RANGE;
  }
  for (std::int64_t image = 0; image < images; image++) {
    std::int64_t own = columns == 5 ? 0 : rows;
    for (std::int64_t i = 0; i < rows && columns == 5; i++) own += static_cast<std::int64_t>(rois[i * 5]) == image ? 1 : 0;
    if (counts != nullptr) counts[image] = static_cast<float>(own);
    const float scale = info[image * 3 + 2];
    const float height = __builtin_truncf(info[image * 3] / scale + 0.5f);
    const float width = __builtin_truncf(info[image * 3 + 1] / scale + 0.5f);
    const float back = options.apply_scale != 0 ? scale : 1.0f;
    for (const std::int64_t end = row + own; row < end && boxes != nullptr; row++) {
      const float* corner = rois + row * columns + (columns - 4);
      const Box roi{corner[0] / scale, corner[1] / scale, corner[2] / scale, corner[3] / scale};
      for (std::int64_t k = 0; k < classes; k++) {
        const std::int64_t at = (row * classes + k) * 4;
        const Box box = clip_box(decode_box(roi, deltas + at, options.weights, options.inclusive != 0), height, width);
        boxes[at] = box.x1 * back;
        boxes[at + 1] = box.y1 * back;
        boxes[at + 2] = box.x2 * back;
        boxes[at + 3] = box.y2 * back;
      }
    }
  }
  return CORTADO_OK;
}

/** A detection before the limit over all classes. */
struct Detection {
  std::int32_t row;
  std::int32_t label;
  float score;
};

/**
 * Soft suppression: lowers `scores` of boxes that overlap a better one; moves those that stay to the front of `pending`,
 * in order of their final scores, and returns how many.
 */
template <class BoxAt>
CORTADO_INLINE std::int64_t suppress_softly(float* scores, std::int32_t* pending, std::int64_t count,
                                            const NmsOptions& options, const BoxAt& box_at) {
  std::int64_t kept = 0;
  while (kept < count) {
    std::int64_t at = kept;
    for (std::int64_t i = kept + 1; i < count; i++) {
      if (scores[pending[i]] > scores[pending[at]]) at = i;
    }
    const std::int32_t best = pending[at];
    pending[at] = pending[kept];
    pending[kept++] = best;
    std::int64_t left = kept;
    for (std::int64_t i = kept; i < count; i++) {
      const float shared = box_overlap(box_at(best), box_at(pending[i]));
      const float linear = shared > options.threshold ? 1.0f - shared : 1.0f;
      scores[pending[i]] *= options.gaussian != 0 ? std::exp(-1.0f * shared * shared / options.sigma) : linear;
      if (scores[pending[i]] >= options.min_score) pending[left++] = pending[i];
    }
    count = left;
  }
  return kept;
}

/** What one image's rows give, class by class, then limited. Returns the count. */
CORTADO_INLINE std::int64_t detect_image(const float* scores, const float* boxes, std::int64_t rows, std::int64_t classes,
                                         const NmsOptions& options, Detection* detections, float* ranking, float* own,
                                         std::int32_t* pending) {
  std::int64_t total = 0;
  for (std::int64_t label = 1; label < classes; label++) {
    const auto box_at = [&](std::int32_t i) { return load_box(boxes + (i * classes + label) * 4); };
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < rows; i++) {
      own[i] = scores[i * classes + label];
      if (own[i] > options.score_threshold) pending[count++] = static_cast<std::int32_t>(i);
    }
    if (options.soft != 0) {
      count = suppress_softly(own, pending, count, options, box_at);
    } else {
      sort_items(pending, count, [&](std::int32_t i, std::int32_t j) {
        return own[i] > own[j] || (!(own[j] > own[i]) && i < j);
      });
      count = suppress(pending, count, options.threshold, 0, box_at);
    }
    for (std::int64_t k = 0; k < count; k++) {
      detections[total++] = Detection{pending[k], static_cast<std::int32_t>(label), own[pending[k]]};
    }
  }
  if (options.limit <= 0 || total <= options.limit) return total;
  for (std::int64_t i = 0; i < total; i++) ranking[i] = detections[i].score;
  sort_to_end(ranking, total, options.limit, [](float a, float b) { return a > b; });
  const float least = ranking[total - options.limit];
  std::int64_t left = 0;
  for (std::int64_t i = 0; i < total; i++) {
    if (detections[i].score >= least) detections[left++] = detections[i];
  }
  return left;
}

/**
 * scores [m][k], boxes [m][4k], splits [images] or null -> detections grouped by image and class. d: m, k, images.
 * Outputs may be null. scratch: 16 bytes for each score, 8 for each row.
 */
CORTADO_NOINLINE inline cortado_status box_with_nms_limit(Part part, const float* scores, const float* boxes,
                                                          const float* splits, float* out_scores, float* out_boxes,
                                                          float* out_classes, float* out_splits, std::int32_t* out_rows,
                                                          std::int32_t* out_counts, std::int64_t* found,
                                                          std::int64_t bound, const Dims<3>& d, const NmsOptions& options,
                                                          void* scratch) {
  if (part.index != 0) return CORTADO_OK;
  const std::int64_t rows = d.d[0], classes = d.d[1], images = d.d[2];
  unsigned char* free = static_cast<unsigned char*>(scratch);
  Detection* detections = take_scratch<Detection>(free, rows * classes);
  float* ranking = take_scratch<float>(free, rows * classes);
  float* own = take_scratch<float>(free, rows);
  std::int32_t* pending = take_scratch<std::int32_t>(free, rows);
  std::int64_t total = 0, begin = 0;
  for (std::int64_t image = 0; image < images; image++) {
    if (splits != nullptr && !(splits[image] >= 0.0f && splits[image] <= static_cast<float>(rows - begin))) {
      return CORTADO_LENGTHS_MISMATCH;
    }
    const std::int64_t count = splits == nullptr ? rows : static_cast<std::int64_t>(splits[image]);
    const float* own_boxes = boxes + begin * classes * 4;
    const std::int64_t kept = detect_image(scores + begin * classes, own_boxes, count, classes, options, detections, ranking,
                                           own, pending);
    if (total + kept > bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
    for (std::int64_t k = 0; k < classes && out_counts != nullptr; k++) out_counts[image * classes + k] = 0;
    for (std::int64_t k = 0; k < kept; k++, total++) {
      const Detection item = detections[k];
      if (out_scores != nullptr) out_scores[total] = item.score;
      if (out_classes != nullptr) out_classes[total] = static_cast<float>(item.label);
      if (out_rows != nullptr) out_rows[total] = item.row;
      if (out_counts != nullptr) out_counts[image * classes + item.label]++;
      const float* box = own_boxes + (item.row * classes + item.label) * 4;
      for (int i = 0; i < 4 && out_boxes != nullptr; i++) out_boxes[total * 4 + i] = box[i];
    }
    if (out_splits != nullptr) out_splits[image] = static_cast<float>(kept);
    begin += count;
  }
  if (begin != rows) return CORTADO_LENGTHS_MISMATCH;
  if (found != nullptr) *found = total;
  return CORTADO_OK;
}

/** Pyramid level of a region, clipped to lowest..highest. */
CORTADO_INLINE std::int64_t roi_level(const float* roi, const Dims<4>& options, std::int64_t highest) {
  const float area = (roi[3] - roi[1] + 1.0f) * (roi[4] - roi[2] + 1.0f);
  const float side = __builtin_sqrtf(area > 0.0f ? area : 0.0f);
  const float level = __builtin_floorf(static_cast<float>(options.d[2]) +
                                       std::log2(side / static_cast<float>(options.d[1]) + 1e-6f));
  if (!(level > static_cast<float>(options.d[0]))) return options.d[0];
  return level < static_cast<float>(highest) ? static_cast<std::int64_t>(level) : highest;
}

/**
 * The best rois of L levels by score, and the same dealt out to M levels. options: lowest level of the outputs, canonical
 * scale, canonical level, most rois. pointers: L rois [counts][5], L scores, M outputs [..][5], M counts (may be null).
 * restore (may be null): row of each roi in the M outputs joined. scratch: 8 bytes for each roi.
 */
template <int L, int M, class... P>
void collect_proposals(Part part, const Dims<L>& counts, const Dims<4>& options, float* rois, std::int32_t* restore,
                       void* scratch, P... pointers) {
  static_assert(sizeof...(P) == 2 * L + 2 * M, "rois, scores, outputs and counts");
  if (part.index != 0) return;
  const void* const all[] = {pointers...};
  struct Place {
    std::int32_t level;
    std::int32_t row;
  };
  Place* places = static_cast<Place*>(scratch);
  std::int64_t total = 0;
  for (int level = 0; level < L; level++) {
    for (std::int64_t row = 0; row < counts.d[level]; row++) places[total++] = Place{level, static_cast<std::int32_t>(row)};
  }
  const auto score_of = [&](Place place) { return static_cast<const float*>(all[L + place.level])[place.row]; };
  const auto before = [&](Place p, Place q) {
    if (score_of(p) > score_of(q)) return true;
    if (score_of(q) > score_of(p)) return false;
    return p.level != q.level ? p.level < q.level : p.row < q.row;
  };
  sort_items(places, total, before);
  const std::int64_t kept = options.d[3] > 0 ? min_of(total, options.d[3]) : 0;
  std::int64_t next = 0;
  for (int m = 0; m < M; m++) {
    float* out = static_cast<float*>(const_cast<void*>(all[2 * L + m]));
    std::int64_t own = 0;
    for (std::int64_t i = 0; i < kept; i++) {
      const float* roi = static_cast<const float*>(all[places[i].level]) + std::int64_t{5} * places[i].row;
      if (m == 0 && rois != nullptr) {
        for (int k = 0; k < 5; k++) rois[i * 5 + k] = roi[k];
      }
      if (roi_level(roi, options, options.d[0] + M - 1) != options.d[0] + m) continue;
      if (restore != nullptr) restore[i] = static_cast<std::int32_t>(next);
      next++;
      for (int k = 0; k < 5 && out != nullptr; k++) out[own * 5 + k] = roi[k];
      own++;
    }
    std::int64_t* found = static_cast<std::int64_t*>(const_cast<void*>(all[2 * L + M + m]));
    if (found != nullptr) *found = own;
  }
}

}  // namespace cortado
