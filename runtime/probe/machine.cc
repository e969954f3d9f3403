// What the machine can do, for the roofline: `machine N` prints one JSON line with the FMA rate of N threads together and
// the bytes per second they read: 512 kB each (L2), 8 MB each (L3 where there is one) and 128 MB each (memory). Best of several short rounds.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "cortado/simd.h"

namespace {

using namespace cortado;
using Clock = std::chrono::steady_clock;
using F = Vec<float, kFloatLanes>;
constexpr int kChains = 12;
constexpr int kRounds = 12;

CORTADO_NOINLINE void multiply_add(float* result, int count) {
  F acc[kChains];
  const F a = load<F>(result), b = load<F>(result + kFloatLanes);
  static_for<0, kChains>([&](auto i) { acc[i] = F{} + static_cast<float>(static_cast<int>(i)); });
  for (int n = 0; n < count; ++n) static_for<0, kChains>([&](auto i) __attribute__((always_inline)) { acc[i] = fma(acc[i], a, b); });
  static_for<0, kChains>([&](auto i) { store(result, load<F>(result) + acc[i]); });
}

CORTADO_NOINLINE void read_all(const float* data, std::size_t floats, float* result) {
  F sum[8] = {};
  for (std::size_t i = 0; i + 8 * kFloatLanes <= floats; i += 8 * kFloatLanes)
    static_for<0, 8>([&](auto v) __attribute__((always_inline)) { sum[v] = sum[v] + load<F>(data + i + v * kFloatLanes); });
  static_for<0, 8>([&](auto v) { store(result, load<F>(result) + sum[v]); });
}

/** Most work per second that the threads do together: each calls body(its memory), all start at once. */
template <class Body>
double best_rate(int threads, std::size_t floats, double work, const Body& body) {
  double best = 0;
  std::vector<float*> memory;
  for (int t = 0; t < threads; ++t) {
    memory.push_back(static_cast<float*>(std::aligned_alloc(64, floats * sizeof(float))));
    for (std::size_t i = 0; i < floats; ++i) memory.back()[i] = 0;
  }
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> waiting{threads};
    std::vector<std::thread> workers;
    std::vector<double> seconds(static_cast<std::size_t>(threads));
    for (int t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        waiting.fetch_sub(1);
        while (waiting.load() > 0) std::this_thread::yield();
        const auto begin = Clock::now();
        body(memory[static_cast<std::size_t>(t)]);
        seconds[static_cast<std::size_t>(t)] = std::chrono::duration<double>(Clock::now() - begin).count();
      });
    for (std::thread& worker : workers) worker.join();
    double slowest = 0;
    for (const double s : seconds) slowest = s > slowest ? s : slowest;
    const double rate = threads * work / slowest;
    best = rate > best ? rate : best;
  }
  for (float* data : memory) std::free(data);
  return best;
}

double read_rate(int threads, std::size_t floats, int repeats) {
  return best_rate(threads, floats, 4.0 * static_cast<double>(floats) * repeats, [=](float* data) {
    float result[kFloatLanes] = {};
    for (int i = 0; i < repeats; ++i) read_all(data, floats, result);
    data[0] = result[0];
  });
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  if (threads < 1 || threads > 256) return 2;
  constexpr int count = 1000000;
  const double flops = best_rate(threads, 64, 2.0 * kChains * kFloatLanes * count, [](float* data) { multiply_add(data, count); });
  const double l2 = read_rate(threads, 128 * 1024, 200);
  const double l3 = read_rate(threads, 2 * 1024 * 1024, 8);
  const double memory = read_rate(threads, 32 * 1024 * 1024, 1);
  std::printf("{\"threads\":%d,\"gflops\":%.2f,\"l2Gbps\":%.2f,\"l3Gbps\":%.2f,\"memoryGbps\":%.2f}\n", threads, flops / 1e9, l2 / 1e9, l3 / 1e9,
              memory / 1e9);
}
