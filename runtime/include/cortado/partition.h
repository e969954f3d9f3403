// partition, gather_by_key, key_split: rows dealt out by key, and put back. The part of a key is its remainder modulo the
// number of parts, never negative. All of it is the work of part 0 of the call. Outputs may be null.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/cortado.h"
#include "cortado/dims.h"
#include "cortado/part.h"

namespace cortado {

/** -1 in 3 parts is 2. */
CORTADO_INLINE std::int64_t part_of_key(std::int64_t key, std::int64_t parts) {
  const std::int64_t rest = key % parts;
  return rest < 0 ? rest + parts : rest;
}

/** pointers: K inputs (keys first), N · K outputs part by part, N counts. row_bytes: of each input. */
template <int N, int K, class Key, class... P>
void partition(Part part, std::int64_t rows, const Dims<K>& row_bytes, bool pack, P... pointers) {
  static_assert(sizeof...(P) == K + N * K + N, "inputs, outputs and counts");
  if (part.index != 0) return;
  const void* const all[] = {pointers...};
  const Key* keys = static_cast<const Key*>(all[0]);
  std::int64_t counts[N] = {};
  for (std::int64_t row = 0; row < rows; row++) {
    const std::int64_t p = part_of_key(static_cast<std::int64_t>(keys[row]), N);
    for (int i = 0; i < K; i++) {
      char* to = static_cast<char*>(const_cast<void*>(all[K + p * K + i]));
      if (to == nullptr || row_bytes.d[i] == 0) continue;
      const char* from = static_cast<const char*>(all[i]) + row * row_bytes.d[i];
      const Key packed = static_cast<Key>((static_cast<std::int64_t>(keys[row]) - p) / N);
      const void* source = pack && i == 0 ? static_cast<const void*>(&packed) : from;
      std::memcpy(to + counts[p] * row_bytes.d[i], source, static_cast<std::size_t>(row_bytes.d[i]));
    }
    counts[p]++;
  }
  for (int p = 0; p < N; p++) {
    std::int64_t* found = static_cast<std::int64_t*>(const_cast<void*>(all[K + N * K + p]));
    if (found != nullptr) *found = counts[p];
  }
}

/** pointers: for each part, how many rows of each segment belong to it. */
template <int N, class Key, class... P>
cortado_status partition_lengths(Part part, const std::int32_t* lengths, const Key* keys, std::int64_t segments,
                                 std::int64_t rows, P... pointers) {
  static_assert(sizeof...(P) == N, "one output for each part");
  if (part.index != 0) return CORTADO_OK;
  const void* const all[] = {pointers...};
  std::int64_t at = 0;
  for (std::int64_t s = 0; s < segments; s++) {
    if (lengths[s] < 0 || lengths[s] > rows - at) return CORTADO_LENGTHS_MISMATCH;
    std::int32_t counts[N] = {};
    for (std::int32_t i = 0; i < lengths[s]; i++) counts[part_of_key(static_cast<std::int64_t>(keys[at++]), N)]++;
    for (int p = 0; p < N; p++) {
      std::int32_t* to = static_cast<std::int32_t*>(const_cast<void*>(all[p]));
      if (to != nullptr) to[s] = counts[p];
    }
  }
  return at == rows ? CORTADO_OK : CORTADO_LENGTHS_MISMATCH;
}

/** y [count][inner]: the next row of the key's part. pointers: N parts of rows.d[p] rows. */
template <int N, class T, class Key, class... P>
cortado_status gather_by_key(Part part, const Key* keys, T* y, std::int64_t count, std::int64_t inner, const Dims<N>& rows,
                             P... pointers) {
  static_assert(sizeof...(P) == N, "one input for each part");
  if (part.index != 0) return CORTADO_OK;
  const T* const all[] = {pointers...};
  std::int64_t next[N] = {};
  for (std::int64_t i = 0; i < count; i++) {
    const std::int64_t p = part_of_key(static_cast<std::int64_t>(keys[i]), N);
    if (next[p] >= rows.d[p]) return CORTADO_LENGTHS_MISMATCH;
    for (std::int64_t k = 0; k < inner; k++) y[i * inner + k] = all[p][next[p] * inner + k];
    next[p]++;
  }
  return CORTADO_OK;
}

/** pointers: for each key the positions where it is, then N counts. */
template <int N, class Key, class... P>
cortado_status key_split(Part part, const Key* keys, std::int64_t count, P... pointers) {
  static_assert(sizeof...(P) == 2 * N, "outputs and counts");
  if (part.index != 0) return CORTADO_OK;
  const void* const all[] = {pointers...};
  std::int64_t counts[N] = {};
  for (std::int64_t i = 0; i < count; i++) {
    const std::int64_t key = static_cast<std::int64_t>(keys[i]);
    if (key < 0 || key >= N) return CORTADO_INDEX_OUT_OF_RANGE;
    std::int32_t* to = static_cast<std::int32_t*>(const_cast<void*>(all[key]));
    if (to != nullptr) to[counts[key]] = static_cast<std::int32_t>(i);
    counts[key]++;
  }
  for (int key = 0; key < N; key++) {
    std::int64_t* found = static_cast<std::int64_t*>(const_cast<void*>(all[N + key]));
    if (found != nullptr) *found = counts[key];
  }
  return CORTADO_OK;
}

}  // namespace cortado
