// Pack<N>: N neighbouring elements of one thread as floats, loaded and stored with one instruction of up to 16 bytes. Functors that are
// templates over their number type work on packs (one wide load for each operand); others are called lane by lane.
#pragma once

#include "cortado_cuda/cuda.h"

namespace cortado::cuda {

template <int N>
struct Pack {
  float lane[N];
};

template <int N>
struct PackMask {
  bool lane[N];
};

/** The word that holds N elements of T. */
template <int kBytes>
struct WordOf;
template <>
struct WordOf<2> {
  using Type = std::uint16_t;
};
template <>
struct WordOf<4> {
  using Type = std::uint32_t;
};
template <>
struct WordOf<8> {
  using Type = uint2;
};
template <>
struct WordOf<16> {
  using Type = uint4;
};

template <class V>
struct LanesOf {
  static constexpr int kValue = 1;
};
template <int N>
struct LanesOf<Pack<N>> {
  static constexpr int kValue = N;
};

/** Elements of T in 16 bytes. */
template <class T>
inline constexpr int kWide = 16 / static_cast<int>(sizeof(T));

CORTADO_DEVICE float widen(float x) { return x; }
CORTADO_DEVICE float widen(Half x) { return to_float(x); }
template <class T>
CORTADO_DEVICE T narrow(float x) {
  if constexpr (std::is_same_v<T, Half>) {
    return to_half(x);
  } else {
    return x;
  }
}

/** kCount words of memory as elements. */
template <int N>
CORTADO_DEVICE void unpack_words(const std::uint32_t* words, const float*, float (&lanes)[N]) {
  for (int i = 0; i < N; ++i) __builtin_memcpy(&lanes[i], &words[i], 4);
}
template <int N>
CORTADO_DEVICE void unpack_words(const std::uint32_t* words, const Half*, float (&lanes)[N]) {
  for (int i = 0; i < N / 2; ++i) {
    const float2 pair = from_half_pair(words[i]);
    lanes[2 * i] = pair.x;
    lanes[2 * i + 1] = pair.y;
  }
}

/** N elements from an address that is a multiple of the word of min(16, N · sizeof T) bytes. */
template <class V, class T>
CORTADO_DEVICE std::enable_if_t<(LanesOf<V>::kValue > 1), V> load(const T* source) {
  constexpr int N = LanesOf<V>::kValue;
  constexpr int bytes = N * static_cast<int>(sizeof(T));
  constexpr int word = bytes < 16 ? bytes : 16;
  static_assert(bytes % 4 == 0, "packs are whole words");
  std::uint32_t words[bytes / 4];
  for (int i = 0; i < bytes / word; ++i) {
    const auto value = reinterpret_cast<const typename WordOf<word>::Type*>(source)[i];
    __builtin_memcpy(&words[i * word / 4], &value, word);
  }
  V result;
  unpack_words<N>(words, source, result.lane);
  return result;
}

template <class T, int N>
CORTADO_DEVICE void store(T* target, const Pack<N>& value) {
  constexpr int bytes = N * static_cast<int>(sizeof(T));
  constexpr int word = bytes < 16 ? bytes : 16;
  std::uint32_t words[bytes / 4];
  if constexpr (std::is_same_v<T, Half>) {
    for (int i = 0; i < N / 2; ++i) words[i] = to_half_pair(value.lane[2 * i], value.lane[2 * i + 1]);
  } else {
    for (int i = 0; i < N; ++i) __builtin_memcpy(&words[i], &value.lane[i], 4);
  }
  for (int i = 0; i < bytes / word; ++i) {
    typename WordOf<word>::Type whole;
    __builtin_memcpy(&whole, &words[i * word / 4], word);
    reinterpret_cast<typename WordOf<word>::Type*>(target)[i] = whole;
  }
}

/** One element. */
template <class V, class T>
CORTADO_DEVICE std::enable_if_t<std::is_same_v<V, float>, V> load(const T* source) {
  return widen(*source);
}
CORTADO_DEVICE void store(float* target, float value) { *target = value; }
CORTADO_DEVICE void store(Half* target, float value) { *target = to_half(value); }

/** Stores the result as it is. */
struct NoEpilogue {
  template <class V>
  CORTADO_DEVICE V operator()(V acc, std::int64_t, std::int64_t) const {
    return acc;
  }
};

/** ep(acc) of one channel, or for packs of neighbouring channels; functors for single floats are called once a lane. */
template <class V, class Ep>
CORTADO_DEVICE V finish(const Ep& ep, V acc, std::int64_t channel, std::int64_t offset) {
  if constexpr (std::is_invocable_v<const Ep&, V, std::int64_t, std::int64_t>) {
    return ep(acc, channel, offset);
  } else {
    for (int i = 0; i < LanesOf<V>::kValue; ++i) acc.lane[i] = ep(acc.lane[i], channel + i, offset + i);
    return acc;
  }
}

}  // namespace cortado::cuda
