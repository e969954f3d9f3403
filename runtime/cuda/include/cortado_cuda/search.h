// arg_max and arg_min along one axis of a row-major tensor [outer][length][inner]. Where lines lie beside each other a thread
// walks each; a line of neighbours is a warp's.
#pragma once

#include <cfloat>

#include "cortado_cuda/cuda.h"

namespace cortado::cuda {

struct IsGreater {
  static constexpr float kStart = -FLT_MAX;
  CORTADO_DEVICE bool operator()(float a, float b) const { return a > b; }
};

struct IsLess {
  static constexpr float kStart = FLT_MAX;
  CORTADO_DEVICE bool operator()(float a, float b) const { return a < b; }
};

/** kLanes: threads of a line, 1 or 32. */
template <int kLanes, class Better>
__global__ void __launch_bounds__(kLinearBlock) arg_best_kernel(std::int64_t lines, std::int64_t length, std::int64_t inner, const float* x, std::int64_t* y) {
  begin_kernel();
  const Better better{};
  const std::int64_t line = linear_index() / kLanes;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  if (line >= lines) return;
  const float* from = x + line / inner * length * inner + line % inner;
  std::int64_t at = length;  // nothing found yet
  float best = Better::kStart;
  for (std::int64_t i = lane; i < length; i += kLanes) {
    if (!better(from[i * inner], best)) continue;
    best = from[i * inner];
    at = i;
  }
  for (int mask = kLanes / 2; mask > 0; mask /= 2) {
    const float other = shuffle_xor(best, mask);
    const std::int64_t other_at = shuffle_xor(at, mask);
    if (!better(other, best) && (better(best, other) || at <= other_at)) continue;
    best = other;
    at = other_at;
  }
  if (lane == 0) y[line] = at == length ? 0 : at;
}

template <class Better>
void arg_best(cudaStream_t stream, const float* x, std::int64_t* y, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  constexpr std::int64_t fewest_neighbours = 8;
  const std::int64_t lines = outer * inner;
  const bool has_warps = inner < fewest_neighbours;
  const Launch l = linear_launch(has_warps ? lines * 32 : lines);
  const auto kernel = has_warps ? arg_best_kernel<32, Better> : arg_best_kernel<1, Better>;
  launch(kernel, l.grid, l.block, l.shared_bytes, stream, lines, length, inner, x, y);
}

/** Position of the largest value, the first of equal ones; NaN never wins. */
inline void arg_max(cudaStream_t stream, const float* x, std::int64_t* y, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  arg_best<IsGreater>(stream, x, y, outer, length, inner);
}

/** Position of the smallest value, the first of equal ones; NaN never wins. */
inline void arg_min(cudaStream_t stream, const float* x, std::int64_t* y, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  arg_best<IsLess>(stream, x, y, outer, length, inner);
}

}  // namespace cortado::cuda
