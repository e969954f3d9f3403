// conv2d_gemm against the obvious convolution: fp32, TF32 and fp16, odd shapes, groups, splits, views, every kind of tile.
#include "gemm_case.h"

namespace conv_gemm_test {

using namespace check;

inline constexpr GemmTile kTile64{64, 64, 128, 3, 2, 2, 1};
inline constexpr GemmTile kTile32{64, 32, 64, 4, 2, 1, 1};
inline constexpr GemmTile kSplit{64, 64, 64, 4, 2, 2, 3};
inline constexpr GemmTile kDeep{32, 64, 128, 4, 1, 4, 5};

// in, ih, iw, out, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw, groups, x_read, x_stored, y_written, y_stored
inline constexpr Conv2dShape kThree{16, 9, 11, 24, 9, 11, 3, 3, 1, 1, 1, 1, 1, 1, 1, 16, 16, 24, 24};
inline constexpr Conv2dShape kFirst{3, 21, 23, 13, 8, 9, 7, 7, 3, 3, 3, 3, 1, 1, 1, 4, 8, 16, 16};
inline constexpr Conv2dShape kPointwise{40, 7, 7, 72, 7, 7, 1, 1, 1, 1, 0, 0, 1, 1, 1, 40, 40, 72, 72};
inline constexpr Conv2dShape kPointStride{24, 9, 9, 20, 5, 5, 1, 1, 2, 2, 0, 0, 1, 1, 1, 24, 24, 24, 24};
inline constexpr Conv2dShape kDilated{10, 13, 12, 9, 9, 12, 3, 2, 1, 1, 0, 1, 2, 2, 1, 10, 16, 9, 40};
inline constexpr Conv2dShape kGrouped{24, 6, 5, 36, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 3, 8, 24, 40, 40};
inline constexpr Conv2dShape kCropped{8, 10, 10, 8, 4, 5, 3, 3, 2, 2, -1, 1, 1, 1, 1, 8, 8, 8, 8};
inline constexpr Conv2dShape kDense{130, 1, 1, 77, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 136, 136, 80, 80};
inline constexpr Conv2dShape kDeepSum{64, 5, 5, 64, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64, 64, 64, 64};
inline constexpr Conv2dShape kOddChannels{5, 7, 6, 7, 7, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 5, 5, 7, 7};
inline constexpr Conv2dShape kOddGroups{34, 6, 5, 38, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 2, 17, 40, 40, 40};
inline constexpr Conv2dShape kFullGroups{34, 6, 5, 62, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 2, 17, 40, 64, 72};  // no column of the last group is padding

// The tiles that the compiler chooses from (src/plan/kernels/device/gemm-tile.ts); a test there reads these lines.
inline constexpr GemmTile kPlanned1{64, 64, 128, 4, 2, 2, 2};
inline constexpr GemmTile kPlanned2{128, 128, 64, 4, 2, 4, 1};
inline constexpr GemmTile kPlanned3{128, 64, 64, 4, 2, 2, 1};
inline constexpr GemmTile kPlanned4{64, 128, 64, 4, 2, 2, 1};
inline constexpr GemmTile kPlanned5{64, 32, 128, 4, 2, 2, 1};
inline constexpr GemmTile kPlanned6{32, 64, 128, 4, 2, 2, 2};
inline constexpr GemmTile kPlanned7{32, 32, 128, 4, 2, 2, 2};
inline constexpr GemmTile kPlanned8{64, 64, 64, 4, 2, 2, 1};
inline constexpr GemmTile kPlanned9{128, 64, 64, 4, 4, 1, 1};
inline constexpr GemmTile kPlanned10{32, 64, 128, 4, 1, 4, 3};
inline constexpr Conv2dShape kOdd{24, 9, 17, 72, 9, 17, 3, 3, 1, 1, 1, 1, 1, 1, 1, 24, 24, 72, 72};

template <class Math>
void tensor_tiles(const std::string& math) {
  run_case<kOdd, kPlanned1, Math>(math + " 64x64 of 128 bytes", 1);
  run_case<kOdd, kPlanned2, Math>(math + " 128x128", 1);
  run_case<kOdd, kPlanned3, Math>(math + " 128x64", 1);
  run_case<kOdd, kPlanned4, Math>(math + " 64x128", 1);
  run_case<kOdd, kPlanned5, Math>(math + " 64x32", 1);
  run_case<kOdd, kPlanned6, Math>(math + " 32x64", 1);
  run_case<kOdd, kPlanned7, Math>(math + " 32x32", 1);
}

void float_tiles() {
  run_case<kOdd, kPlanned8, FloatMath>("fp32 64x64", 1);
  run_case<kOdd, kPlanned9, FloatMath>("fp32 128x64", 1);
  run_case<kOdd, kPlanned5, FloatMath>("fp32 64x32", 1);
  run_case<kOdd, kPlanned10, FloatMath>("fp32 32x64", 1);
  run_case<kOdd, kPlanned7, FloatMath>("fp32 32x32", 1);
}

#if defined(CORTADO_CUDA_EMULATION)
void check_all_banks() {
  check_banks<kPlanned2, HalfMath>("fp16 128x128");
  check_banks<kPlanned3, HalfMath>("fp16 128x64");
  check_banks<kPlanned4, Tf32Math>("tf32 64x128");
  check_banks<kPlanned5, HalfMath>("fp16 64x32 of 128 bytes");
  check_banks<kPlanned8, FloatMath>("fp32 64x64");
  check_banks<kPlanned9, FloatMath>("fp32 128x64");
  check_banks<kPlanned5, FloatMath>("fp32 64x32 of 128 bytes");
}
#endif

template <class Math>
void all_shapes(const std::string& math) {
  run_case<kThree, kTile64, Math>(math + " 3x3", 2);
  run_case<kFirst, kTile64, Math>(math + " 7x7 of 3 channels, stride 3", 1);
  run_case<kPointwise, kTile32, Math>(math + " 1x1", 3);
  run_case<kPointStride, kTile64, Math>(math + " 1x1 stride 2", 1);
  run_case<kDilated, kTile32, Math>(math + " dilated into a slice", 1);
  run_case<kGrouped, kTile64, Math>(math + " three groups", 2);
  run_case<kCropped, kTile64, Math>(math + " negative pad", 1);
  run_case<kOddChannels, kTile64, Math>(math + " odd channels", 2);
  run_case<kOddGroups, kTile32, Math>(math + " groups of odd channels", 1);
  run_case<kFullGroups, kTile32, Math>(math + " groups that leave no column for the padding", 1);
  run_case<kDense, kTile32, Math>(math + " fully connected", 5);
  run_case<kDeepSum, kSplit, Math>(math + " split in 3", 1);
  run_case<kDeepSum, kDeep, Math>(math + " split in 5, 32 rows", 3);
}

}  // namespace conv_gemm_test

int main() {
  using namespace conv_gemm_test;
  all_shapes<FloatMath>("fp32");
  all_shapes<Tf32Math>("tf32");
  all_shapes<HalfMath>("fp16");
  float_tiles();
  tensor_tiles<Tf32Math>("tf32");
  tensor_tiles<HalfMath>("fp16");

#if defined(CORTADO_CUDA_EMULATION)
  check_all_banks();
#endif
  return report();
}
