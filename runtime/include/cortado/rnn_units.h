// What one step of a recurrent net does with its gates: LSTM and GRU cells on plain tensors. Parts share the sequences.
// From its length on, a sequence keeps its state, or gets zeros (kDrop).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cortado/math.h"
#include "cortado/part.h"

namespace cortado {

/** Calls cell(V{}, i) for vectors, then for the single floats that are left. */
template <class Cell>
CORTADO_INLINE void for_each_cell(std::int64_t d, const Cell& cell) {
  using V = Vec<float, kFloatLanes>;
  std::int64_t i = 0;
  for (; i + kFloatLanes <= d; i += kFloatLanes) cell(V{}, i);
  for (; i < d; ++i) cell(float{}, i);
}

template <bool kDrop>
CORTADO_INLINE void end_state(const float* previous, float* state, std::int64_t d) {
  const std::size_t bytes = static_cast<std::size_t>(d) * sizeof(float);
  if (kDrop) {
    std::memset(state, 0, bytes);
  } else {
    std::memmove(state, previous, bytes);
  }
}

/** States [n][d], gates [n][4][d] in the order i, f, o, g; lengths [n] or null. */
template <bool kDrop>
void lstm_unit(Part part, std::int64_t n, std::int64_t d, const float* h_previous, const float* c_previous,
               const float* gates, const std::int32_t* step, const std::int32_t* lengths, float forget_bias, float* h,
               float* c) {
  const Range share = share_of(part, n);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    const std::int64_t at = row * d;
    if (lengths != nullptr && *step >= lengths[row]) {
      end_state<kDrop>(h_previous + at, h + at, d);
      end_state<kDrop>(c_previous + at, c + at, d);
      continue;
    }
    const float* gate = gates + 4 * at;
    for_each_cell(d, [&](auto kind, std::int64_t i) {
      using V = decltype(kind);
      const V input = sigmoid(load<V>(gate + i));
      const V forget = sigmoid(load<V>(gate + d + i) + splat<V>(forget_bias));
      const V output = sigmoid(load<V>(gate + 2 * d + i));
      const V cell = forget * load<V>(c_previous + at + i) + input * tanh(load<V>(gate + 3 * d + i));
      store<V>(c + at + i, cell);
      store<V>(h + at + i, output * tanh(cell));
    });
  }
}

/** State [n][d], gates [n][3][d] in the order r (not read), u, o; lengths [n] or null. */
template <bool kDrop>
void gru_unit(Part part, std::int64_t n, std::int64_t d, const float* h_previous, const float* gates,
              const std::int32_t* step, const std::int32_t* lengths, float* h) {
  const Range share = share_of(part, n);
  for (std::int64_t row = share.begin; row < share.end; ++row) {
    const std::int64_t at = row * d;
    if (lengths != nullptr && *step >= lengths[row]) {
      end_state<kDrop>(h_previous + at, h + at, d);
      continue;
    }
    const float* gate = gates + 3 * at;
    for_each_cell(d, [&](auto kind, std::int64_t i) {
      using V = decltype(kind);
      const V update = sigmoid(load<V>(gate + d + i));
      const V fresh = tanh(load<V>(gate + 2 * d + i));
      store<V>(h + at + i, load<V>(h_previous + at + i) * update + fresh * (splat<V>(1.0f) - update));
    });
  }
}

}  // namespace cortado
