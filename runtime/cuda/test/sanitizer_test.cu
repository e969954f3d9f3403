// The emulation's sanitizer (emulation/sanitizer.h): each kind of mistake is found, and what looks like one but is none is not. Mistakes run
// in a child process, whose exit code tells. The kernels of nets run under it in image_norm_test, conv_gemm_test and compiled nets.
#include <sys/wait.h>
#include <unistd.h>

#include "conv_case.h"
#include "cortado_cuda/conv2d_gemm.h"

namespace sanitizer_test {

using namespace check;
using namespace cortado::cuda;

/** y[i] = what the neighbour has put into shared memory. */
template <bool kBarrier>
__global__ void neighbour(const float* x, float* y) {
  begin_kernel();
  __shared__ float values[64];
  values[threadIdx.x] = x[threadIdx.x];
  if (kBarrier) __syncthreads();
  y[threadIdx.x] = values[(threadIdx.x + 1) % 64];
}

/** Two rounds through the same shared memory; the second barrier keeps the next write from overtaking a read. */
template <bool kBarrier>
__global__ void two_rounds(const float* x, float* y) {
  begin_kernel();
  float* values = static_cast<float*>(dynamic_shared());
  for (int round = 0; round < 2; ++round) {
    values[threadIdx.x] = x[threadIdx.x] + static_cast<float>(round);
    __syncthreads();
    y[threadIdx.x] = values[63 - threadIdx.x];
    if (kBarrier) __syncthreads();
  }
}

/** A copy that is waited for by its own thread, and read by the neighbour with or without a barrier. */
template <bool kWait, bool kBarrier>
__global__ void copied(const float* x, float* y) {
  begin_kernel();
  float* values = static_cast<float*>(dynamic_shared());
  copy_async<16>(values + 4 * threadIdx.x, x + 4 * threadIdx.x, 16);
  commit_copies();
  if (kWait) wait_copies<0>();
  if (kBarrier) __syncthreads();
  y[threadIdx.x] = values[4 * ((threadIdx.x + 1) % 32)];
}

__global__ void all_write(float* y) { begin_kernel(); y[0] = static_cast<float>(threadIdx.x); }
__global__ void blocks_write(float* y) { begin_kernel(); y[0] = static_cast<float>(blockIdx.x); }
__global__ void halves_of_a_word(Half* y) { begin_kernel(); y[threadIdx.x] = to_half(1.0f); }
__global__ void reads_unwritten(float* y) { begin_kernel(); y[threadIdx.x] = y[threadIdx.x + 32] + 1.0f; }
__global__ void misaligned(const float* x, float* y) { begin_kernel(); store(y + 1, load<Pack<4>>(x)); }
__global__ void reads_past_end(const float* x, float* y) { begin_kernel(); y[0] = reinterpret_cast<const uint2*>(x)[31].y == 0 ? 1.0f : 2.0f; }
__global__ void uses_host(const float* host, float* y) { begin_kernel(); y[0] = host[0]; }

/** Each block leaves a number; the last one adds them up. kFence: by the thread that counts, between barrier and atomic. */
template <bool kFence>
__global__ void last_block_adds(float* parts, unsigned* counter, float* y) {
  begin_kernel();
  __shared__ bool is_last;
  parts[blockIdx.x * 32 + threadIdx.x] = static_cast<float>(threadIdx.x);
  if (!kFence) __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    if (kFence) __threadfence();
    is_last = atomicAdd(counter, 1u) == gridDim.x - 1;
    if (kFence) __threadfence();
  }
  __syncthreads();
  if (!is_last) return;
  float sum = 0.0f;
  for (unsigned block = 0; block < gridDim.x; ++block) sum += parts[block * 32 + threadIdx.x];
  y[threadIdx.x] = sum;
}

__global__ void some_wait(float* y) {
  begin_kernel();
  if (threadIdx.x < 16) __syncthreads();
  y[threadIdx.x] = 1.0f;
}
__global__ void different_barriers(float* y) {
  begin_kernel();
  if (threadIdx.x < 32) __syncthreads();
  else
    __syncthreads();
  y[threadIdx.x] = 1.0f;
}

/** The first launch writes; the second reads on one side of begin_kernel() or the other, or never comes there. */
__global__ void writes_first(float* y) {
  begin_kernel();
  y[threadIdx.x] = 1.0f;
}
enum Begin { kNever, kLate, kEarly };
template <Begin kBegin>
__global__ void reads_then(const float* x, float* y) {
  if (kBegin == kEarly) begin_kernel();
  const float value = x[threadIdx.x];
  if (kBegin == kLate) begin_kernel();
  y[threadIdx.x] = value;
}

struct Memory {
  DeviceArray<float> x{numbers(std::size_t{128}, 1)};
  DeviceArray<float> y{std::vector<float>(32, 0.0f)};
  DeviceArray<unsigned> counter{std::vector<unsigned>(1, 0u)};
  float* raw = nullptr; /**< Never written. */
  Memory() { cudaMalloc(reinterpret_cast<void**>(&raw), 4096); }
};

/** Exit code of a child that runs the body; its signal, negative, if it was ended by one. */
template <class Body>
int outcome(const Body& body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    Memory memory;
    body(memory);
    cudaDeviceSynchronize();
    std::exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

template <class Body>
void check(const char* name, int expected, const Body& body) {
  is_true(name, outcome(body) == expected);
}

constexpr int kFound = emulation::kSanitizerExit;

template <class... P, class... A>
void run(void (*kernel)(P...), unsigned blocks, unsigned threads, A... args) {
  launch(kernel, dim3(blocks), dim3(threads), 1024, nullptr, args...);
}

void check_races() {
  check("shared memory with its barrier", 0, [](Memory& m) { run(neighbour<true>, 1, 64, m.x.data(), m.raw); });
  check("shared memory without it", kFound, [](Memory& m) { run(neighbour<false>, 1, 64, m.x.data(), m.raw); });
  check("shared memory twice", 0, [](Memory& m) { run(two_rounds<true>, 1, 64, m.x.data(), m.raw); });
  check("a write that may overtake a read", kFound, [](Memory& m) { run(two_rounds<false>, 1, 64, m.x.data(), m.raw); });
  check("all threads write one place", kFound, [](Memory& m) { run(all_write, 1, 32, m.y.data()); });
  check("one thread of each block writes one place", kFound, [](Memory& m) { run(blocks_write, 2, 1, m.y.data()); });
  check("launches in turn write one place", 0, [](Memory& m) { run(blocks_write, 1, 1, m.y.data()), run(blocks_write, 1, 1, m.y.data()); });
  check("neighbours write the halves of a word", 0, [](Memory& m) { run(halves_of_a_word, 1, 32, reinterpret_cast<Half*>(m.raw)); });
  check("the last block adds, ordered by fence and atomic", 0, [](Memory& m) { run(last_block_adds<true>, 4, 32, m.raw, m.counter.data(), m.y.data()); });
  check("the fence on the wrong side of the barrier", kFound, [](Memory& m) { run(last_block_adds<false>, 4, 32, m.raw, m.counter.data(), m.y.data()); });
}

void check_memory() {
  check("a copy, waited for, then a barrier", 0, [](Memory& m) { run(copied<true, true>, 1, 32, m.x.data(), m.y.data()); });
  check("launches that may overlap", 0, [](Memory& m) { run(writes_first, 1, 32, m.raw), run(reads_then<kEarly>, 1, 32, m.raw, m.y.data()); });
  check("a read before the kernel before has ended", kFound, [](Memory& m) { run(writes_first, 1, 32, m.raw), run(reads_then<kLate>, 1, 32, m.raw, m.y.data()); });
  check("what no kernel writes, read before that", 0, [](Memory& m) { run(writes_first, 1, 32, m.raw), run(reads_then<kLate>, 1, 32, m.x.data(), m.y.data()); });
  check("a kernel that never waits for the one before", kFound, [](Memory& m) { run(writes_first, 1, 32, m.raw), run(reads_then<kNever>, 1, 32, m.x.data(), m.y.data()); });
  check("a copy without the barrier", kFound, [](Memory& m) { run(copied<true, false>, 1, 32, m.x.data(), m.y.data()); });
  check("a copy that nobody has waited for", kFound, [](Memory& m) { run(copied<false, true>, 1, 32, m.x.data(), m.y.data()); });
  check("device memory that nobody has written", kFound, [](Memory& m) { run(reads_unwritten, 1, 32, m.raw); });
  check("a vector at an odd address", kFound, [](Memory& m) { run(misaligned, 1, 1, m.x.data(), m.y.data()); });
  check("a vector past the end", -SIGSEGV, [](Memory& m) { run(reads_past_end, 1, 1, m.x.data() + 66, m.y.data()); });
  static float host[4] = {};
  check("the host's memory", kFound, [](Memory& m) {
    cudaHostRegister(host, sizeof host, cudaHostRegisterDefault);
    run(uses_host, 1, 1, static_cast<const float*>(host), m.y.data());
  });
}

void check_barriers() {
  check("threads end while others wait", -SIGABRT, [](Memory& m) { run(some_wait, 1, 32, m.y.data()); });
  check("threads wait at different barriers", -SIGABRT, [](Memory& m) { run(different_barriers, 1, 64, m.raw); });
}

inline constexpr Conv2dShape kShape{24, 5, 6, 36, 5, 6, 3, 3, 1, 1, 1, 1, 1, 1, 3, 8, 24, 40, 40};
inline constexpr GemmTile kSplit{32, 32, 64, 3, 2, 2, 2};
inline constexpr GemmTile kGroups{64, 64, 128, 3, 4, 1, 2, 1};

/** A warpgroup's operands, copied by all of its threads; wgmma reads them after a barrier or without it. */
template <bool kBarrier>
__global__ void groups_read(const Half* x, float* y) {
  begin_kernel();
  char* shared = static_cast<char*>(swizzled_shared());
  for (unsigned i = threadIdx.x; i < 64 * 8; i += 128) copy_async<16>(shared + i * 16, x, 16);
  commit_copies();
  wait_copies<0>();
  fence_async_proxy();
  if (kBarrier) __syncthreads();
  float sums[8][4];
  wgmma_fence();
  wgmma_f16(sums, tile_descriptor(shared), tile_descriptor(shared), false);
  wgmma_commit();
  wgmma_wait<0>();
  y[threadIdx.x] = sums[0][0];
}

template <bool kBarrier>
void run_groups(Memory& m) {
  launch(groups_read<kBarrier>, dim3(1), dim3(128), 64 * 128, nullptr, reinterpret_cast<const Half*>(m.x.data()), m.raw);
}

void check_groups() {
  check("wgmma reads what a barrier has passed on", 0, run_groups<true>);
  check("wgmma reads without the barrier", kFound, run_groups<false>);
}

/** Tensor cores, copies that run ahead, a split sum, padding of several groups. */
template <const GemmTile& T>
void check_product(const char* name) {
  check(name, 0, [](Memory&) {
    const std::vector<float> bias(64, 0.5f);
    const ConvNumbers in = conv_numbers(kShape, 2);
    const DeviceArray<Half> x(to_stored<Half>(in.x, 24, 24, 24)), w(pack_filters<Half>(kShape, in.filters, as_half));
    const DeviceArray<float> channel(bias);
    const DeviceArray<unsigned> counters(std::vector<unsigned>(gemm_tiles<kShape, T, HalfMath, false>(2), 0u));
    void *scratch = nullptr, *y = nullptr;
    cudaMalloc(&scratch, gemm_scratch_bytes<kShape, T, HalfMath, false>(2));
    cudaMalloc(&y, 2 * 30 * 40 * sizeof(Half));
    conv2d_gemm<kShape, T, HalfMath>(nullptr, 2, x.data(), w.data(), static_cast<Half*>(y), BiasOnly{channel.data()}, scratch, counters.data());
    run(halves_of_a_word, 1, 1, static_cast<Half*>(y));
    cudaDeviceSynchronize();
  });
}

}  // namespace sanitizer_test

int main() {
  using namespace sanitizer_test;
  check_races();
  check_memory();
  check_barriers();
  check_product<kSplit>("conv2d_gemm");
  check_product<kGroups>("conv2d_gemm on warpgroups");
  check_groups();
  return report();
}
