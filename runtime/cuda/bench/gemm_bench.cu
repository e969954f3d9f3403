// Times of conv2d_gemm on a device: the convolutions of ResNet-50, every tile of src/plan/kernels/device/gemm-tile.ts, several splits. One
// JSON line each: microseconds per launch inside a captured graph of 20, the best of 5. What the model's estimates are to be held against.
//   nvcc -std=c++17 -O3 -arch=sm_90 -Iruntime/cuda/include -Iruntime/cuda/test -Iruntime/include -Iruntime/test runtime/cuda/bench/gemm_bench.cu -o gemm_bench
//   With wgmma: -gencode arch=compute_90a,code=sm_90a -DCORTADO_BENCH_WGMMA in place of -arch.
//   ./gemm_bench [layer] [batch]      -DCORTADO_BENCH_MATH=Tf32Math or FloatMath for other arithmetic
#include <cstdlib>

#include "conv_case.h"
#include "cortado_cuda/conv2d_gemm.h"

#if !defined(CORTADO_BENCH_MATH)
#define CORTADO_BENCH_MATH HalfMath
#endif

namespace gemm_bench {

using namespace cortado::cuda;
using check::DeviceArray;
using check::element_of;
using Math = CORTADO_BENCH_MATH;
using Element = Math::Element;

inline constexpr int kLaunches = 20;
inline constexpr int kRuns = 5;

struct Filter {
  std::string layer; /**< Empty: all. */
  int batch;
};

void require(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "gemm_bench: %s: error %d of the CUDA runtime\n", what, static_cast<int>(status));
  std::exit(1);
}

std::vector<Element> random_elements(std::int64_t count) {
  std::vector<Element> result;
  for (const float value : check::numbers(count, 1)) result.push_back(element_of<Element>(value));
  return result;
}

/** Microseconds per launch of what submit(stream) submits. */
template <class Submit>
float time_us(const Submit& submit) {
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  cudaEvent_t begin, end;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  for (int i = 0; i < kLaunches; ++i) submit(stream);
  require(cudaStreamEndCapture(stream, &graph), "capture");
  require(cudaGraphInstantiateWithFlags(&executable, graph, 0), "graph");
  require(cudaEventCreate(&begin), "event");
  require(cudaEventCreate(&end), "event");
  require(cudaGraphLaunch(executable, stream), "launch");
  float best = 1e30f;
  for (int run = 0; run < kRuns; ++run) {
    float ms = 0;
    require(cudaEventRecord(begin, stream), "event");
    require(cudaGraphLaunch(executable, stream), "launch");
    require(cudaEventRecord(end, stream), "event");
    require(cudaEventSynchronize(end), "kernel");
    require(cudaEventElapsedTime(&ms, begin, end), "event");
    best = std::fmin(best, ms * 1000.0f / kLaunches);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  return best;
}

template <const Conv2dShape& S, const GemmTile& T>
void measure(const char* layer, int n, const DeviceArray<Element>& x, const DeviceArray<Element>& w, const DeviceArray<Element>& y) {
  const DeviceArray<float> scratch(std::vector<float>(gemm_scratch_bytes<S, T, Math, false>(n) / sizeof(float), 0.0f));
  const DeviceArray<unsigned> counters(std::vector<unsigned>(static_cast<std::size_t>(gemm_tiles<S, T, Math, false>(n)), 0u));
  const float us = time_us([&](cudaStream_t stream) {
    conv2d_gemm<S, T, Math>(stream, n, x.data(), w.data(), y.data(), NoEpilogue{}, scratch.data(), counters.data());
  });
  const double products = static_cast<double>(n) * S.out_height * S.out_width * S.out_channels * S.kernel_h * S.kernel_w * S.in_channels;
  std::printf("{\"layer\": \"%s\", \"batch\": %d, \"rows\": %d, \"cols\": %d, \"kBytes\": %d, \"stages\": %d, \"splits\": %d, \"warpgroups\": %d, \"us\": %.2f, \"tflops\": %.2f}\n", layer,
              n, T.rows, T.cols, T.k_bytes, T.stages, T.splits, T.warpgroups, static_cast<double>(us), products * 2e-6 / static_cast<double>(us));
}

/** A tile of the list with so many splits. */
template <const GemmTile& T, int kSplits>
struct Split {
  static constexpr GemmTile k{T.rows, T.cols, T.k_bytes, T.stages, T.warps_m, T.warps_n, kSplits, T.warpgroups};
};

/** The splits that leave a part two steps at least. */
template <const Conv2dShape& S, const GemmTile& T>
void all_splits(const char* layer, int n, const DeviceArray<Element>& x, const DeviceArray<Element>& w, const DeviceArray<Element>& y) {
  constexpr int steps = S.kernel_h * S.kernel_w * S.x_read * static_cast<int>(sizeof(Element)) / T.k_bytes;
  measure<S, Split<T, 1>::k>(layer, n, x, w, y);
  if constexpr (steps >= 4) measure<S, Split<T, 2>::k>(layer, n, x, w, y);
  if constexpr (steps >= 8) measure<S, Split<T, 4>::k>(layer, n, x, w, y);
  if constexpr (steps >= 16) measure<S, Split<T, 8>::k>(layer, n, x, w, y);
}

inline constexpr bool kIsFloat = std::is_same_v<Math, FloatMath>;
inline constexpr GemmTile kSquare64{64, 64, kIsFloat ? 64 : 128, 4, 2, 2, 1};
inline constexpr GemmTile kSquare128{128, 128, 64, 4, 2, 4, 1};
inline constexpr GemmTile kTall{128, 64, 64, 4, kIsFloat ? 4 : 2, kIsFloat ? 1 : 2, 1};
inline constexpr GemmTile kWide{64, 128, 64, 4, 2, 2, 1};
inline constexpr GemmTile kTall32{64, 32, 128, 4, 2, 2, 1};
inline constexpr GemmTile kWide32{32, 64, 128, 4, kIsFloat ? 1 : 2, kIsFloat ? 4 : 2, 1};
inline constexpr GemmTile kSquare32{32, 32, 128, 4, 2, 2, 1};
inline constexpr GemmTile kGroups128x256{128, 256, 128, 4, 8, 1, 1, 1};
inline constexpr GemmTile kGroups256x128{256, 128, 128, 4, 8, 1, 1, 1};
inline constexpr GemmTile kGroups128x128{128, 128, 128, 3, 8, 1, 1, 1};
inline constexpr GemmTile kGroups256x64{256, 64, 128, 4, 8, 1, 1, 1};
inline constexpr GemmTile kGroups128x64{128, 64, 128, 4, 8, 1, 1, 1};
inline constexpr GemmTile kGroups64x128{64, 128, 128, 4, 4, 1, 1, 1};

template <const Conv2dShape& S>
void all_tiles(const char* layer, const Filter& filter) {
  if (!filter.layer.empty() && filter.layer != layer) return;
  const int n = filter.batch;
  const DeviceArray<Element> x(random_elements(std::int64_t{n} * S.in_height * S.in_width * S.x_stored));
  const DeviceArray<Element> w(random_elements(std::int64_t{S.out_channels} * filter_pitch<Element>(S.kernel_h * S.kernel_w * S.x_read)));
  const DeviceArray<Element> y(random_elements(std::int64_t{n} * S.out_height * S.out_width * S.y_stored));
  all_splits<S, kSquare64>(layer, n, x, w, y);
  if constexpr (!kIsFloat) all_splits<S, kSquare128>(layer, n, x, w, y);
  all_splits<S, kTall>(layer, n, x, w, y);
  if constexpr (!kIsFloat) all_splits<S, kWide>(layer, n, x, w, y);
  all_splits<S, kTall32>(layer, n, x, w, y);
  all_splits<S, kWide32>(layer, n, x, w, y);
  all_splits<S, kSquare32>(layer, n, x, w, y);
#if defined(CORTADO_BENCH_WGMMA)
  all_splits<S, kGroups128x256>(layer, n, x, w, y);
  all_splits<S, kGroups256x128>(layer, n, x, w, y);
  all_splits<S, kGroups128x128>(layer, n, x, w, y);
  all_splits<S, kGroups256x64>(layer, n, x, w, y);
  all_splits<S, kGroups128x64>(layer, n, x, w, y);
  all_splits<S, kGroups64x128>(layer, n, x, w, y);
#endif
}

// in, ih, iw, out, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw, groups, x_read, x_stored, y_written, y_stored
inline constexpr Conv2dShape kConv1{3, 224, 224, 64, 112, 112, 7, 7, 2, 2, 3, 3, 1, 1, 1, 4, 8, 64, 64};
inline constexpr Conv2dShape kConv2Reduce{256, 56, 56, 64, 56, 56, 1, 1, 1, 1, 0, 0, 1, 1, 1, 256, 256, 64, 64};
inline constexpr Conv2dShape kConv2{64, 56, 56, 64, 56, 56, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64, 64, 64, 64};
inline constexpr Conv2dShape kConv2Expand{64, 56, 56, 256, 56, 56, 1, 1, 1, 1, 0, 0, 1, 1, 1, 64, 64, 256, 256};
inline constexpr Conv2dShape kConv3Reduce{512, 28, 28, 128, 28, 28, 1, 1, 1, 1, 0, 0, 1, 1, 1, 512, 512, 128, 128};
inline constexpr Conv2dShape kConv3{128, 28, 28, 128, 28, 28, 3, 3, 1, 1, 1, 1, 1, 1, 1, 128, 128, 128, 128};
inline constexpr Conv2dShape kConv3Expand{128, 28, 28, 512, 28, 28, 1, 1, 1, 1, 0, 0, 1, 1, 1, 128, 128, 512, 512};
inline constexpr Conv2dShape kConv4Reduce{1024, 14, 14, 256, 14, 14, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1024, 1024, 256, 256};
inline constexpr Conv2dShape kConv4{256, 14, 14, 256, 14, 14, 3, 3, 1, 1, 1, 1, 1, 1, 1, 256, 256, 256, 256};
inline constexpr Conv2dShape kConv4Expand{256, 14, 14, 1024, 14, 14, 1, 1, 1, 1, 0, 0, 1, 1, 1, 256, 256, 1024, 1024};
inline constexpr Conv2dShape kConv5Reduce{2048, 7, 7, 512, 7, 7, 1, 1, 1, 1, 0, 0, 1, 1, 1, 2048, 2048, 512, 512};
inline constexpr Conv2dShape kConv5{512, 7, 7, 512, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, 512, 512, 512, 512};
inline constexpr Conv2dShape kConv5Expand{512, 7, 7, 2048, 7, 7, 1, 1, 1, 1, 0, 0, 1, 1, 1, 512, 512, 2048, 2048};

void all_layers(const Filter& filter) {
  all_tiles<kConv1>("conv1", filter);
  all_tiles<kConv2Reduce>("conv2_reduce", filter);
  all_tiles<kConv2>("conv2", filter);
  all_tiles<kConv2Expand>("conv2_expand", filter);
  all_tiles<kConv3Reduce>("conv3_reduce", filter);
  all_tiles<kConv3>("conv3", filter);
  all_tiles<kConv3Expand>("conv3_expand", filter);
  all_tiles<kConv4Reduce>("conv4_reduce", filter);
  all_tiles<kConv4>("conv4", filter);
  all_tiles<kConv4Expand>("conv4_expand", filter);
  all_tiles<kConv5Reduce>("conv5_reduce", filter);
  all_tiles<kConv5>("conv5", filter);
  all_tiles<kConv5Expand>("conv5_expand", filter);
}

}  // namespace gemm_bench

int main(int argc, char** argv) {
  const gemm_bench::Filter filter{argc > 1 ? argv[1] : "", argc > 2 ? std::atoi(argv[2]) : 1};
  if (filter.batch < 1) {
    std::fprintf(stderr, "usage: gemm_bench [layer] [batch]\n");
    return 1;
  }
  gemm_bench::all_layers(filter);
  return 0;
}
