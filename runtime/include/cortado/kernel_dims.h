// What kernels of the host and of devices are told of their sizes, where that is the same for both.
#pragma once

#include <cstdint>

namespace cortado {

inline constexpr int kMaxMapRank = 6;

/** Output extents, outermost first, and each operand's strides in elements; 0 repeats. The output is dense. */
template <int kOperands>
struct MapDims {
  int rank;
  std::int64_t dims[kMaxMapRank];
  std::int64_t strides[kOperands > 0 ? kOperands : 1][kMaxMapRank];
};

/** y[batch][m][n] = a[i % a_batch] · b[i % b_batch]; a: [m][k], or [k][m] if trans_a; b: [k][n], or [n][k] if trans_b. */
struct BatchMatmulDims {
  std::int64_t batch;
  std::int64_t a_batch;
  std::int64_t b_batch;
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  bool trans_a;
  bool trans_b;
};

/** What lies outside of an image that is padded. */
enum class PadMode { kConstant, kReflect, kEdge };

}  // namespace cortado
