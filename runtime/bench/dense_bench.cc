// Speed of the other kernels on typical shapes: milliseconds (minimum), and GB/s of operands read and results written once,
// or GFLOP/s for products. One thread. memcpy of the same size is the yardstick for what only moves data.
#include <chrono>
#include <initializer_list>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cortado/gemm.h"
#include "cortado/instance_norm.h"
#include "cortado/lrn.h"
#include "cortado/map.h"
#include "cortado/pool.h"
#include "cortado/reorder.h"
#include "cortado/softmax.h"
#include "cortado/transpose.h"

namespace {

using namespace cortado;
using Clock = std::chrono::steady_clock;
constexpr int B = kFloatLanes;
constexpr int P = B == 16 ? 14 : 6;
constexpr Part kAll{0, 1};

float* ones(std::int64_t floats) {
  void* memory = std::aligned_alloc(64, static_cast<std::size_t>(round_up(floats * 4, 64)));
  float* values = static_cast<float*>(memory);
  for (std::int64_t i = 0; i < floats; ++i) values[i] = 1.0f;
  return values;
}

template <class Body>
double minimum_ms(const Body& body) {
  double best = 1e30, spent = 0;
  for (int round = 0; round < 1000 && (round < 3 || spent < 200); ++round) {
    const auto begin = Clock::now();
    body();
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    best = ms < best ? ms : best;
    spent += ms;
  }
  return best;
}

template <class Body>
void moved(const char* name, std::int64_t floats, const Body& body) {
  const double ms = minimum_ms(body);
  std::printf("%-44s %8.3f ms %7.1f GB/s\n", name, ms, 4e-6 * static_cast<double>(floats) / ms);
}

template <class Body>
void multiplied(const char* name, std::int64_t macs, const Body& body) {
  const double ms = minimum_ms(body);
  std::printf("%-44s %8.3f ms %7.1f GFLOP/s %6.1f GB/s if each weight is used once\n", name, ms, 2e-6 * static_cast<double>(macs) / ms,
              4e-6 * static_cast<double>(macs) / ms);
}

inline constexpr FcShape kFc6{25088, 4096, B, 2};
inline constexpr FcShape kFc1000{2048, 1000, B, 2};
inline constexpr Pool2dShape kMax3{64, 112, 112, 56, 56, 3, 3, 2, 2, 0, 0, B, 0, 0};
inline constexpr Pool2dShape kMax2{64, 224, 224, 112, 112, 2, 2, 2, 2, 0, 0, B, 0, 0};
inline constexpr Pool2dShape kAverage3{256, 28, 28, 28, 28, 3, 3, 1, 1, 1, 1, B, 0, 0};
inline constexpr Pool2dShape kGlobal{2048, 7, 7, 1, 1, 7, 7, 1, 1, 0, 0, B, 0, 0};

struct AddRelu {
  template <class V>
  CORTADO_INLINE V operator()(V a, V b) const {
    return max(a + b, splat<V>(0.0f));
  }
};
struct Sigmoid {
  template <class V>
  CORTADO_INLINE V operator()(V a) const {
    return sigmoid(a);
  }
};

}  // namespace

int main() {
  constexpr std::int64_t big = 4096 * 25088;
  float* a = ones(big);
  float* b = ones(4096 * 4096);
  float* y = ones(4096 * 4096);
  float* scratch = ones(1 << 21);
  const NoEpilogue none;
  constexpr std::int64_t plane = 112 * 112;
  moved("memcpy 64x112x112", 2 * 64 * plane, [&] { std::memcpy(y, b, 64 * plane * 4); });
  moved("reorder to blocked 64x112x112", 2 * 64 * plane, [&] { reorder_to_blocked<B>(kAll, 1, 64, plane, 0, 0, b, y); });
  moved("reorder to plain 64x112x112", 2 * 64 * plane, [&] { reorder_to_plain<B>(kAll, 1, 64, plane, 0, 0, b, y); });
  const PermuteDims nhwc{3, {1, plane, 64}, {64 * plane, 1, plane}};
  moved("permute to NHWC 64x112x112", 2 * 64 * plane, [&] { permute(kAll, nhwc, b, y); });
  moved("max pool 3x3/2 64x112x112", 64 * (plane + plane / 4), [&] { pool2d<kMax3, MaxReduce>(kAll, 1, b, y, none); });
  moved("max pool 2x2/2 64x224x224", 64 * (4 * plane + plane), [&] { pool2d<kMax2, MaxReduce>(kAll, 1, b, y, none); });
  moved("average pool 3x3 256x28x28", 2 * 256 * 784, [&] { pool2d<kAverage3, AverageReduce>(kAll, 1, b, y, none); });
  moved("global average 2048x7x7", 2048 * 49, [&] { pool2d<kGlobal, AverageReduce>(kAll, 1, b, y, none); });
  moved("lrn blocked 96x55x55", 2 * 96 * 3025, [&] { lrn_blocked<B>(kAll, 1, LrnDims{96, 3025, 5, 1e-4f, 0.75f, 1.0f}, b, y); });
  moved("lrn plain 96x55x55", 2 * 96 * 3025, [&] { lrn_plain(kAll, 1, LrnDims{96, 3025, 5, 1e-4f, 0.75f, 1.0f}, b, y); });
  moved("instance norm blocked 128x64x64", 2 * 128 * 4096, [&] { instance_norm_blocked<B>(kAll, 1, 128, 4096, 1e-5f, b, b, b, y); });
  moved("add relu 64x112x112", 3 * 64 * plane, [&] { map<B>(kAll, 64 * plane, y, AddRelu{}, a, b); });
  moved("sigmoid 64x112x112", 2 * 64 * plane, [&] { map<B>(kAll, 64 * plane, y, Sigmoid{}, b); });
  const MapDims<2> per_channel{4, {1, 64 / B, plane, B}, {{64 * plane, plane * B, B, 1}, {0, B, 0, 1}}};
  moved("add relu per channel, blocked 64x112x112", 2 * 64 * plane, [&] { map_broadcast<B>(kAll, per_channel, y, AddRelu{}, a, b); });
  moved("softmax 1x1000", 2000, [&] { softmax(kAll, 1, 1000, b, y); });
  multiplied("fc 25088->4096, 1 row", big, [&] { fully_connected<kFc6, P>(kAll, 1, b, a, y, none, scratch); });
  multiplied("fc 25088->4096, 8 rows", 8 * big, [&] { fully_connected<kFc6, P>(kAll, 8, b, a, y, none, scratch); });
  multiplied("fc 2048->1000, 1 row", 2048 * 1000, [&] { fully_connected<kFc1000, P>(kAll, 1, b, a, y, none, scratch); });
  multiplied("fc 2048->1000, 32 rows", 32 * 2048 * 1000, [&] { fully_connected<kFc1000, P>(kAll, 32, b, a, y, none, scratch); });
  multiplied("matmul 512x512x512", 512 * 512 * 512, [&] { matmul<B, P, 2>(kAll, MatmulDims{512, 512, 512, 0, 0}, a, b, y, none, scratch); });
  multiplied("matmul 512x512x512, transposed", 512 * 512 * 512, [&] { matmul<B, P, 2>(kAll, MatmulDims{512, 512, 512, 1, 1}, a, b, y, none, scratch); });
  for (float* buffer : {a, b, y, scratch}) std::free(buffer);
}
