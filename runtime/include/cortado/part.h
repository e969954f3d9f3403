// Part: which share of a kernel's work a call does. Every kernel takes one first; the shares of one step are independent
// of each other (they write disjoint outputs), so the thread pool may run them in any order or at the same time.
#pragma once

#include <cstddef>
#include <cstdint>

// An operating system with threads, files and a heap; machines without one get none of these unless asked to.
#if defined(__unix__) || defined(__APPLE__) || defined(_WIN32)
#define CORTADO_HOSTED 1
#else
#define CORTADO_HOSTED 0
#endif

// 0 = a single-threaded build that contains no thread code.
#ifndef CORTADO_THREADS
#define CORTADO_THREADS CORTADO_HOSTED
#endif

#define CORTADO_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define CORTADO_NOINLINE __attribute__((noinline))
#else
#define CORTADO_NOINLINE __attribute__((noinline, noclone))
#endif

namespace cortado {

/** Share `index` of `count`; {0, 1} is everything. */
struct Part {
  int index;
  int count;
};

/** Half-open range of work items. */
struct Range {
  std::int64_t begin;
  std::int64_t end;
};

/** The part's contiguous share of `items`; shares differ by at most one. 7 items in 2 parts: [0, 3) and [3, 7). */
CORTADO_INLINE Range share_of([[maybe_unused]] Part part, std::int64_t items) {
#if !CORTADO_THREADS
  return Range{0, items};  // steps of a single-threaded build have one part
#else
  return Range{items * part.index / part.count, items * (part.index + 1) / part.count};
#endif
}

/** As share_of, with borders at multiples of `grain` (except the end): keeps vector loops of neighbours apart. */
CORTADO_INLINE Range share_of(Part part, std::int64_t items, std::int64_t grain) {
  const Range grains = share_of(part, (items + grain - 1) / grain);
  const std::int64_t end = grains.end * grain;
  return Range{grains.begin * grain, end < items ? end : items};
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

constexpr std::int64_t min_of(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

constexpr std::int64_t max_of(std::int64_t a, std::int64_t b) { return a < b ? b : a; }

constexpr std::int64_t round_up(std::int64_t a, std::int64_t multiple) { return ceil_div(a, multiple) * multiple; }

/** A stride argument where 0 stands for dense. */
CORTADO_INLINE std::int64_t stride_or(std::int64_t stride, std::int64_t dense) { return stride == 0 ? dense : stride; }

/** First and past-the-last output index whose whole window [o·stride − pad, + extent) lies inside [0, in). */
constexpr int first_inside(int pad, int stride) { return pad <= 0 ? 0 : (pad + stride - 1) / stride; }

constexpr int last_inside(int in, int out, int extent, int stride, int pad) {
  const int room = in - extent + pad;
  const int end = room < 0 ? 0 : room / stride + 1;
  return end < out ? end : out;
}

/** An int known at compile time, as a value: what static_for hands to its body. */
template <int N>
struct Int {
  static constexpr int value = N;
  constexpr operator int() const { return N; }
};

/** Calls body(Int<First>{}) … body(Int<Last-1>{}), unrolled by the front end, so that array indices are constants early. */
template <int First, int Last, class Body>
CORTADO_INLINE void static_for(const Body& body) {
  if constexpr (First < Last) {
    body(Int<First>{});
    static_for<First + 1, Last>(body);
  }
}

}  // namespace cortado
