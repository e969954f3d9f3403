// conv2d_transpose_gemm against the obvious scatter: strides larger and smaller than the kernel, uneven phases, padding, adj, slices, splits.
#include "transpose_case.h"

namespace conv_transpose_test {

using namespace check;

inline constexpr GemmTile kTile{32, 32, 64, 3, 2, 1, 1};
inline constexpr GemmTile kSplit{64, 32, 128, 2, 2, 1, 2};

// in, ih, iw, out, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw, groups, x_read, x_stored, y_written, y_stored
inline constexpr Conv2dShape kFour{16, 5, 6, 24, 10, 12, 4, 4, 2, 2, 1, 1, 1, 1, 1, 16, 16, 24, 24};
inline constexpr Conv2dShape kThree{10, 5, 4, 3, 10, 9, 3, 3, 2, 2, 1, 0, 1, 1, 1, 10, 16, 8, 8};
inline constexpr Conv2dShape kOne{8, 6, 7, 12, 6, 7, 3, 5, 1, 1, 1, 2, 1, 1, 1, 8, 8, 12, 40};
inline constexpr Conv2dShape kGaps{8, 4, 3, 8, 11, 8, 2, 1, 3, 3, 0, 0, 1, 1, 1, 8, 8, 8, 8};
inline constexpr Conv2dShape kDeep{64, 3, 3, 32, 6, 6, 4, 4, 2, 2, 1, 1, 1, 1, 1, 64, 64, 32, 32};

template <class Math>
void all_shapes(const std::string& math) {
  run_transposed<kFour, kTile, Math>((math + " 4x4 stride 2").c_str(), 2);
  run_transposed<kThree, kTile, Math>((math + " 3x3 stride 2, uneven phases").c_str(), 2);
  run_transposed<kOne, kTile, Math>((math + " 3x5 stride 1 into a slice").c_str(), 1);
  run_transposed<kGaps, kTile, Math>((math + " stride past the kernel: some outputs get nothing").c_str(), 1);
  run_transposed<kDeep, kSplit, Math>((math + " split in 2").c_str(), 1);
}

}  // namespace conv_transpose_test

int main() {
  using namespace conv_transpose_test;
  all_shapes<FloatMath>("fp32");
  all_shapes<Tf32Math>("tf32");
  all_shapes<HalfMath>("fp16");
  return report();
}
