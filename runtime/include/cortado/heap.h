// A binary heap over a caller's array: enough sorting for kernels that may not allocate. `before(a, b)` says that a comes
// first; any answers, even inconsistent ones (NaN), keep all accesses inside the array.
#pragma once

#include <cstdint>

#include "cortado/part.h"

namespace cortado {

/** Moves items[at] down until no child comes before it. */
template <class T, class Before>
CORTADO_INLINE void sift_down(T* items, std::int64_t count, std::int64_t at, const Before& before) {
  const T item = items[at];
  for (std::int64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
    if (child + 1 < count && before(items[child + 1], items[child])) child++;
    if (!before(items[child], item)) break;
    items[at] = items[child];
    at = child;
  }
  items[at] = item;
}

template <class T, class Before>
CORTADO_INLINE void make_heap(T* items, std::int64_t count, const Before& before) {
  for (std::int64_t at = count / 2; at-- > 0;) sift_down(items, count, at, before);
}

/** Sorts the first `wanted` items (by `before`) to the END of the array, the very first last: items[count - 1]. */
template <class T, class Before>
CORTADO_INLINE void sort_to_end(T* items, std::int64_t count, std::int64_t wanted, const Before& before) {
  make_heap(items, count, before);
  for (std::int64_t left = count; left > 1 && count - left < wanted; left--) {
    const T first = items[0];
    items[0] = items[left - 1];
    items[left - 1] = first;
    sift_down(items, left - 1, 0, before);
  }
}

/** Sorts all items, the first first. */
template <class T, class Before>
CORTADO_INLINE void sort_items(T* items, std::int64_t count, const Before& before) {
  sort_to_end(items, count, count, [&](const T& a, const T& b) { return before(b, a); });
}

}  // namespace cortado
