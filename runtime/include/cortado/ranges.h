// gather_ranges, gather_ranges_to_dense, merge_id_lists: features of a batch, given as ranges or lists. All of it is the
// work of part 0. Nothing is read outside the data and nothing is written beyond `bound` elements.
#pragma once

#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/heap.h"
#include "cortado/pack_segments.h"
#include "cortado/part.h"

namespace cortado {

/** True when the range (start, length) is empty or lies inside `size` elements. */
template <class Index>
CORTADO_INLINE bool is_range_inside(const Index* range, std::int64_t size) {
  const std::int64_t start = static_cast<std::int64_t>(range[0]), length = static_cast<std::int64_t>(range[1]);
  return length == 0 || (start >= 0 && length >= 0 && start <= size && length <= size - start);
}

/** Elements of ranges [examples][each][2] of data [size] -> y; how many of each example -> lengths. Both may be null. */
template <class T, class Index>
cortado_status gather_ranges(Part part, const T* data, const Index* ranges, T* y, std::int32_t* lengths,
                             std::int64_t* found, std::int64_t bound, std::int64_t size, std::int64_t examples,
                             std::int64_t each) {
  if (part.index != 0) return CORTADO_OK;
  std::int64_t to = 0;
  for (std::int64_t i = 0; i < examples; i++) {
    const std::int64_t before = to;
    for (std::int64_t r = 0; r < each; r++) {
      const Index* range = ranges + (i * each + r) * 2;
      if (!is_range_inside(range, size)) return CORTADO_INDEX_OUT_OF_RANGE;
      const std::int64_t length = static_cast<std::int64_t>(range[1]);
      if (length > bound - to) return CORTADO_EXTENT_OUT_OF_BOUNDS;
      if (y != nullptr && length > 0) copy_row(data + range[0], y + to, length);
      to += length;
    }
    if (lengths != nullptr) lengths[i] = static_cast<std::int32_t>(to - before);
  }
  if (found != nullptr) *found = to;
  return CORTADO_OK;
}

/** ranges [examples][N][2] -> N outputs [examples][wanted.d[f]], by key where `keys` is not null. scratch: 8 bytes for each wanted. */
template <int N, class T, class Index, class... P>
cortado_status gather_ranges_to_dense(Part part, const T* data, const Index* ranges, const std::int64_t* keys,
                                      const Dims<N>& wanted, std::int64_t size, std::int64_t examples, void* scratch,
                                      P... pointers) {
  static_assert(sizeof...(P) == N, "one output for each feature");
  if (part.index != 0) return CORTADO_OK;
  const void* const all[] = {pointers...};
  std::int64_t* order = static_cast<std::int64_t*>(scratch);
  for (std::int64_t i = 0; i < examples; i++) {
    for (int f = 0; f < N; f++) {
      const Index* range = ranges + (i * N + f) * 2;
      if (!is_range_inside(range, size)) return CORTADO_INDEX_OUT_OF_RANGE;
      const std::int64_t length = static_cast<std::int64_t>(range[1]);
      if (length != 0 && length != wanted.d[f]) return CORTADO_LENGTHS_MISMATCH;
      T* output = static_cast<T*>(const_cast<void*>(all[f]));
      if (output == nullptr) continue;
      T* to = output + i * wanted.d[f];
      for (std::int64_t k = 0; k < length; k++) order[k] = static_cast<std::int64_t>(range[0]) + k;
      if (keys != nullptr && length != 0) {
        sort_items(order, length, [&](std::int64_t a, std::int64_t b) {
          return keys[a] < keys[b] || (keys[a] == keys[b] && a < b);
        });
      }
      for (std::int64_t k = 0; k < wanted.d[f]; k++) to[k] = length == 0 ? T{0} : data[order[k]];
    }
  }
  return CORTADO_OK;
}

/** pointers: N times lengths [examples] and ids [sizes.d[j]]. Outputs may be null. scratch: 8 bytes for each id. */
template <int N, class T, class... P>
cortado_status merge_id_lists(Part part, std::int32_t* lengths, T* ids, std::int64_t* found, std::int64_t bound,
                              std::int64_t examples, const Dims<N>& sizes, void* scratch, P... pointers) {
  static_assert(sizeof...(P) == 2 * N, "lengths and ids");
  if (part.index != 0) return CORTADO_OK;
  const void* const all[] = {pointers...};
  T* own = static_cast<T*>(scratch);
  std::int64_t next[N] = {};
  std::int64_t to = 0;
  for (std::int64_t i = 0; i < examples; i++) {
    std::int64_t count = 0;
    for (int j = 0; j < N; j++) {
      const std::int32_t length = static_cast<const std::int32_t*>(all[2 * j])[i];
      if (length < 0 || length > sizes.d[j] - next[j]) return CORTADO_LENGTHS_MISMATCH;
      for (std::int32_t k = 0; k < length; k++) own[count++] = static_cast<const T*>(all[2 * j + 1])[next[j]++];
    }
    sort_items(own, count, [](T a, T b) { return a < b; });
    std::int32_t different = 0;
    for (std::int64_t k = 0; k < count; k++) {
      if (k != 0 && own[k] == own[k - 1]) continue;
      if (to >= bound) return CORTADO_EXTENT_OUT_OF_BOUNDS;
      if (ids != nullptr) ids[to] = own[k];
      to++;
      different++;
    }
    if (lengths != nullptr) lengths[i] = different;
  }
  if (found != nullptr) *found = to;
  return CORTADO_OK;
}

}  // namespace cortado
