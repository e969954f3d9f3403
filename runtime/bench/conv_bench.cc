// Speed of the convolution kernels on the layer shapes of known nets, against the FMA peak measured in the same run.
// Prints the CPU, the peak, then per layer: milliseconds (minimum), GFLOP/s and share of the peak. One thread.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cortado/conv2d_depthwise.h"
#include "cortado/conv2d_direct.h"
#include "cortado/conv2d_first.h"

namespace {

using namespace cortado;
using Clock = std::chrono::steady_clock;
constexpr int B = kFloatLanes;
constexpr int P = B == 16 ? 14 : 6;
double peak_gflops = 0;
double total_ms = 0;

float* zeros(std::size_t floats) {
  void* memory = std::aligned_alloc(64, (floats * sizeof(float) + 127) / 64 * 64);
  std::memset(memory, 0, (floats * sizeof(float) + 127) / 64 * 64);
  return static_cast<float*>(memory);
}

/** Minimum milliseconds of a call, over about a fifth of a second. */
template <class Body>
double minimum_ms(const Body& body) {
  double best = 1e30, spent = 0;
  for (int round = 0; round < 1000 && (round < 5 || spent < 300); ++round) {
    const auto begin = Clock::now();
    body();
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    best = ms < best ? ms : best;
    spent += ms;
  }
  return best;
}

CORTADO_NOINLINE void multiply_add(float* result, int rounds) {
  using F = Vec<float, B>;
  F acc[12];
  const F a = load<F>(result), b = load<F>(result + B);
  static_for<0, 12>([&](auto i) { acc[i] = F{} + static_cast<float>(static_cast<int>(i)); });
  for (int round = 0; round < rounds; ++round) static_for<0, 12>([&](auto i) __attribute__((always_inline)) { acc[i] = fma(acc[i], a, b); });
  static_for<0, 12>([&](auto i) { store(result, load<F>(result) + acc[i]); });
}

double measure_peak() {
  constexpr int rounds = 20000;  // short: some run falls between the interruptions
  float* result = zeros(2 * B);
  const double ms = minimum_ms([&] { multiply_add(result, rounds); });
  std::free(result);
  return 2.0 * 12 * B * rounds / ms / 1e6;
}

void print_line(const char* name, double mmac, double ms) {
  const double gflops = 2 * mmac / ms;
  total_ms += ms;
  std::printf("%-28s %8.1f MMAC %8.3f ms %7.1f GFLOP/s %5.1f %%\n", name, mmac, ms, gflops, 100 * gflops / peak_gflops);
}

enum class Kind { kDirect, kFirst, kDepthwise };

template <const Conv2dShape& S, const Conv2dTile& T, Kind K>
void bench(const char* name, int times) {
  const std::size_t in = static_cast<std::size_t>(round_up(S.in_channels, B)) * static_cast<std::size_t>(S.in_height * S.in_width);
  const std::size_t out = static_cast<std::size_t>(round_up(S.out_channels, B)) * static_cast<std::size_t>(S.out_height * S.out_width);
  const std::size_t weights =
      static_cast<std::size_t>(round_up(S.out_channels, B)) * static_cast<std::size_t>(S.in_channels / S.groups * S.kernel_h * S.kernel_w);
  float* x = zeros(in);
  float* y = zeros(out);
  float* w = zeros(weights);
  float* bias = zeros(static_cast<std::size_t>(round_up(S.out_channels, B)));
  float* scratch = zeros(conv2d_direct_scratch_bytes<S, T>() / sizeof(float) + 64);
  const BiasResidualClamp ep{bias, nullptr, 0.0f, kInfinityF};
  const double ms = minimum_ms([&] {
    if constexpr (K == Kind::kDirect) conv2d_direct<S, T>(Part{0, 1}, 1, x, w, y, ep, scratch);
    if constexpr (K == Kind::kFirst) conv2d_first<S, T>(Part{0, 1}, 1, x, w, y, ep, scratch);
    if constexpr (K == Kind::kDepthwise) conv2d_depthwise<S>(Part{0, 1}, 1, x, w, y, ep);
  });
  const double mmac = 1e-6 * S.out_channels * S.out_height * S.out_width * (S.in_channels / S.groups) * S.kernel_h * S.kernel_w;
  char label[64];
  std::snprintf(label, sizeof label, "%s %d->%d %dx%d/%d @%d", name, S.in_channels, S.out_channels, S.kernel_h, S.kernel_w, S.stride_h,
                S.out_height);
  print_line(label, mmac, ms);
  total_ms += (times - 1) * ms;
  float* const buffers[] = {x, y, w, bias, scratch};
  for (float* buffer : buffers) std::free(buffer);
}

constexpr int out_extent(int in, int kernel, int stride, int pad) { return (in + 2 * pad - kernel) / stride + 1; }

/** Square convolution: channels, input extent, outputs, kernel, stride, pad. */
constexpr Conv2dShape square(int c, int h, int m, int k, int s, int p, int groups = 1) {
  const int o = out_extent(h, k, s, p);
  return Conv2dShape{c, h, h, m, o, o, k, k, s, s, p, p, 1, 1, groups, B, 0, 0};
}

/** The rule of chooseConv2dTile in src/plan/pack-conv.ts. */
constexpr Conv2dTile tile_for(const Conv2dShape& s) {
  const int rows_fit = 512 * 1024 / (4 * s.in_channels * band_width(s) * s.stride_h);
  const int chunk = 24 * 1024 / (s.kernel_h * s.kernel_w * B * 2 * B * 4);
  const int rows = rows_fit < 1 ? 1 : rows_fit > s.out_height ? s.out_height : rows_fit;
  const int bands = static_cast<int>(ceil_div(s.out_height, rows));
  return Conv2dTile{P, 2, static_cast<int>(ceil_div(s.out_height, bands)), chunk < 1 ? 1 : chunk};
}

template <int C, int H, int M, int Kernel, int Stride, int Pad, Kind K = Kind::kDirect>
void layer(const char* name, int times = 1) {
  static constexpr Conv2dShape shape = square(C, H, M, Kernel, Stride, Pad, K == Kind::kDepthwise ? C : 1);
  static constexpr Conv2dTile tile = tile_for(shape);
  bench<shape, tile, K>(name, times);
}

void end_net(const char* name) {
  std::printf("%-28s %23.2f ms in all\n\n", name, total_ms);
  total_ms = 0;
}

void print_cpu() {
  char line[256];
  std::FILE* info = std::fopen("/proc/cpuinfo", "r");
  while (info != nullptr && std::fgets(line, sizeof line, info) != nullptr) {
    if (std::strncmp(line, "model name", 10) != 0 && std::strncmp(line, "model\t", 6) != 0) continue;
    std::printf("%s", line);
    if (line[6] != 'n' && line[5] == ' ') break;
    if (std::strncmp(line, "model name", 10) == 0) break;
  }
  if (info != nullptr) std::fclose(info);
}

void resnet50() {
  layer<3, 224, 64, 7, 2, 3, Kind::kFirst>("resnet50");
  layer<64, 56, 64, 1, 1, 0>("resnet50");
  layer<64, 56, 64, 3, 1, 1>("resnet50", 3);
  layer<64, 56, 256, 1, 1, 0>("resnet50", 4);
  layer<256, 56, 64, 1, 1, 0>("resnet50", 2);
  layer<256, 56, 128, 1, 2, 0>("resnet50");
  layer<256, 56, 512, 1, 2, 0>("resnet50");
  layer<128, 28, 128, 3, 1, 1>("resnet50", 4);
  layer<128, 28, 512, 1, 1, 0>("resnet50", 4);
  layer<512, 28, 128, 1, 1, 0>("resnet50", 3);
  layer<512, 28, 256, 1, 2, 0>("resnet50");
  layer<512, 28, 1024, 1, 2, 0>("resnet50");
  layer<256, 14, 256, 3, 1, 1>("resnet50", 6);
  layer<256, 14, 1024, 1, 1, 0>("resnet50", 6);
  layer<1024, 14, 256, 1, 1, 0>("resnet50", 5);
  layer<1024, 14, 512, 1, 2, 0>("resnet50");
  layer<1024, 14, 2048, 1, 2, 0>("resnet50");
  layer<512, 7, 512, 3, 1, 1>("resnet50", 3);
  layer<512, 7, 2048, 1, 1, 0>("resnet50", 3);
  layer<2048, 7, 512, 1, 1, 0>("resnet50", 2);
  end_net("resnet50");
}

void squeezenet() {
  layer<3, 224, 64, 3, 2, 0, Kind::kFirst>("squeezenet1.1");
  layer<64, 55, 16, 1, 1, 0>("squeezenet1.1");
  layer<16, 55, 64, 1, 1, 0>("squeezenet1.1", 2);
  layer<16, 55, 64, 3, 1, 1>("squeezenet1.1", 2);
  layer<128, 55, 16, 1, 1, 0>("squeezenet1.1");
  layer<128, 27, 32, 1, 1, 0>("squeezenet1.1");
  layer<32, 27, 128, 1, 1, 0>("squeezenet1.1", 2);
  layer<32, 27, 128, 3, 1, 1>("squeezenet1.1", 2);
  layer<256, 27, 32, 1, 1, 0>("squeezenet1.1");
  layer<256, 13, 48, 1, 1, 0>("squeezenet1.1");
  layer<48, 13, 192, 1, 1, 0>("squeezenet1.1", 2);
  layer<48, 13, 192, 3, 1, 1>("squeezenet1.1", 2);
  layer<384, 13, 64, 1, 1, 0>("squeezenet1.1", 2);
  layer<64, 13, 256, 1, 1, 0>("squeezenet1.1", 2);
  layer<64, 13, 256, 3, 1, 1>("squeezenet1.1", 2);
  layer<512, 13, 1000, 1, 1, 0>("squeezenet1.1");
  end_net("squeezenet1.1");
}

void vgg16() {
  layer<3, 224, 64, 3, 1, 1, Kind::kFirst>("vgg16");
  layer<64, 224, 64, 3, 1, 1>("vgg16");
  layer<64, 112, 128, 3, 1, 1>("vgg16");
  layer<128, 112, 128, 3, 1, 1>("vgg16");
  layer<128, 56, 256, 3, 1, 1>("vgg16");
  layer<256, 56, 256, 3, 1, 1>("vgg16", 2);
  layer<256, 28, 512, 3, 1, 1>("vgg16");
  layer<512, 28, 512, 3, 1, 1>("vgg16", 2);
  layer<512, 14, 512, 3, 1, 1>("vgg16", 3);
  end_net("vgg16");
}

void mobilenet() {
  layer<3, 224, 32, 3, 2, 1, Kind::kFirst>("mobilenet1");
  layer<32, 112, 32, 3, 1, 1, Kind::kDepthwise>("mobilenet1 dw");
  layer<32, 112, 64, 1, 1, 0>("mobilenet1");
  layer<64, 112, 64, 3, 2, 1, Kind::kDepthwise>("mobilenet1 dw");
  layer<64, 56, 128, 1, 1, 0>("mobilenet1");
  layer<128, 56, 128, 3, 1, 1, Kind::kDepthwise>("mobilenet1 dw");
  layer<128, 56, 128, 1, 1, 0>("mobilenet1");
  layer<128, 56, 128, 3, 2, 1, Kind::kDepthwise>("mobilenet1 dw");
  layer<128, 28, 256, 1, 1, 0>("mobilenet1");
  layer<256, 28, 256, 3, 1, 1, Kind::kDepthwise>("mobilenet1 dw");
  layer<256, 28, 256, 1, 1, 0>("mobilenet1");
  layer<256, 28, 256, 3, 2, 1, Kind::kDepthwise>("mobilenet1 dw");
  layer<256, 14, 512, 1, 1, 0>("mobilenet1");
  layer<512, 14, 512, 3, 1, 1, Kind::kDepthwise>("mobilenet1 dw", 5);
  layer<512, 14, 512, 1, 1, 0>("mobilenet1", 5);
  layer<512, 14, 512, 3, 2, 1, Kind::kDepthwise>("mobilenet1 dw");
  layer<512, 7, 1024, 1, 1, 0>("mobilenet1");
  layer<1024, 7, 1024, 3, 1, 1, Kind::kDepthwise>("mobilenet1 dw");
  layer<1024, 7, 1024, 1, 1, 0>("mobilenet1");
  end_net("mobilenet1");
}

}  // namespace

int main() {
  print_cpu();
  peak_gflops = measure_peak();
  std::printf("FMA peak, one thread: %.1f GFLOP/s (%d-byte vectors)\n\n", peak_gflops, 4 * B);
  resnet50();
  squeezenet();
  vgg16();
  mobilenet();
}
