// Products of warpgroups (wgmma): every tile that the compiler chooses from, in fp16 and TF32, through convolutions of all kinds. On a
// device: compute capability 9.0, compiled for sm_90a.
#include "transpose_case.h"

namespace conv_wgmma_test {

using namespace check;

// The tiles that the compiler chooses from (src/plan/kernels/device/gemm-tile.ts); a test there reads these lines.
inline constexpr GemmTile kPlanned1{128, 256, 128, 4, 8, 1, 1, 1};
inline constexpr GemmTile kPlanned2{256, 128, 128, 4, 8, 1, 1, 1};
inline constexpr GemmTile kPlanned3{128, 128, 128, 3, 8, 1, 1, 1};
inline constexpr GemmTile kPlanned4{128, 64, 128, 4, 8, 1, 2, 1};
inline constexpr GemmTile kPlanned5{64, 128, 128, 4, 4, 1, 3, 1};
inline constexpr GemmTile kPlanned6{256, 64, 128, 4, 8, 1, 1, 1};
/** Warpgroups beside each other. */
inline constexpr GemmTile kBeside{64, 128, 128, 3, 4, 2, 1, 1};

// in, ih, iw, out, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw, groups, x_read, x_stored, y_written, y_stored
inline constexpr Conv2dShape kOdd{24, 7, 11, 72, 7, 11, 3, 3, 1, 1, 1, 1, 1, 1, 1, 24, 24, 72, 72};
inline constexpr Conv2dShape kWide{40, 4, 5, 200, 4, 5, 1, 1, 1, 1, 0, 0, 1, 1, 1, 40, 40, 200, 200};
inline constexpr Conv2dShape kPointStride{24, 9, 9, 20, 5, 5, 1, 1, 2, 2, 0, 0, 1, 1, 1, 24, 24, 24, 24};
inline constexpr Conv2dShape kFirst{3, 21, 23, 13, 8, 9, 7, 7, 3, 3, 3, 3, 1, 1, 1, 4, 8, 16, 16};
inline constexpr Conv2dShape kDilated{10, 9, 8, 9, 5, 8, 3, 2, 1, 1, 0, 1, 2, 2, 1, 10, 16, 9, 40};
inline constexpr Conv2dShape kOddGroups{34, 6, 5, 38, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 2, 17, 40, 40, 40};
inline constexpr Conv2dShape kDense{130, 1, 1, 77, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 136, 136, 80, 80};
inline constexpr Conv2dShape kDeepSum{64, 5, 5, 64, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64, 64, 64, 64};
inline constexpr Conv2dShape kFour{16, 5, 6, 24, 10, 12, 4, 4, 2, 2, 1, 1, 1, 1, 1, 16, 16, 24, 24};
inline constexpr Conv2dShape kGaps{8, 4, 3, 8, 11, 8, 2, 1, 3, 3, 0, 0, 1, 1, 1, 8, 8, 8, 8};

template <class Math>
void all_cases(const std::string& math) {
  run_case<kWide, kPlanned1, Math>(math + " 128x256, 1x1", 3);
  run_case<kOdd, kPlanned2, Math>(math + " 256x128, 3x3", 2);
  run_case<kOdd, kPlanned3, Math>(math + " 128x128, 3x3", 2);
  run_case<kDeepSum, kPlanned4, Math>(math + " 128x64, split in 2", 3);
  run_case<kDeepSum, kPlanned5, Math>(math + " 64x128, split in 3", 1);
  run_case<kPointStride, kPlanned6, Math>(math + " 256x64, 1x1 stride 2", 11);
  run_case<kOdd, kBeside, Math>(math + " 64x128, two warpgroups along the columns", 1);
  run_case<kFirst, kPlanned3, Math>(math + " 7x7 of 3 channels, stride 3", 1);
  run_case<kDilated, kPlanned4, Math>(math + " dilated into a slice", 2);
  run_case<kOddGroups, kPlanned4, Math>(math + " groups of odd channels", 1);
  run_case<kDense, kPlanned5, Math>(math + " fully connected", 5);
  run_transposed<kFour, kPlanned3, Math>((math + " transposed, 4x4 stride 2").c_str(), 2);
  run_transposed<kGaps, kPlanned5, Math>((math + " transposed, stride past the kernel").c_str(), 1);
}

#if defined(CORTADO_CUDA_EMULATION)
void check_all_banks() {
  check_banks<kPlanned1, HalfMath>("fp16 128x256");
  check_banks<kPlanned3, Tf32Math>("tf32 128x128");
}
#endif

}  // namespace conv_wgmma_test

int main() {
  using namespace conv_wgmma_test;
  all_cases<HalfMath>("fp16");
  all_cases<Tf32Math>("tf32");
#if defined(CORTADO_CUDA_EMULATION)
  check_all_banks();
#endif
  return report();
}
