// The emulation itself: it must give what the device gives, and it must find what the device would not forgive (copies that nobody
// waited for, missing barriers, writes past shared memory, deadlocks, bank conflicts).
#include <sys/wait.h>
#include <unistd.h>

#include "cortado_cuda/tile_math.h"
#include "device_check.h"

namespace emulation_test {

using namespace check;
using namespace cortado::cuda;

__global__ void block_sum(const float* x, float* y, int count) {
  __shared__ float parts[8];
  float sum = 0.0f;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += 256) sum += x[blockIdx.x * static_cast<unsigned>(count) + static_cast<unsigned>(i)];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  float total = 0.0f;
  for (const float part : parts) total += part;
  y[blockIdx.x] = total;
}

/** Reverses 64 numbers through shared memory; without the barrier half of them are read before they are written. */
template <bool kBarrier>
__global__ void reverse(const float* x, float* y) {
  float* shared = static_cast<float*>(dynamic_shared());
  shared[threadIdx.x] = x[threadIdx.x];
  if (kBarrier) __syncthreads();
  y[threadIdx.x] = shared[63 - threadIdx.x];
}

/** The second of two groups of copies is waited for only if kWait. */
template <bool kWait>
__global__ void copy_late(const float* x, float* y) {
  float* shared = static_cast<float*>(dynamic_shared());
  copy_async<16>(shared, x, 16);
  commit_copies();
  copy_async<16>(shared + 4, x + 4, 8);
  commit_copies();
  if (kWait) {
    wait_copies<0>();
  } else {
    wait_copies<1>();
  }
  for (int i = 0; i < 8; ++i) y[i] = shared[i];
}

__global__ void write_past_end() { static_cast<char*>(dynamic_shared())[64] = 1; }
__global__ void half_a_warp_shuffles(float* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = shuffle_xor(1.0f, 1);
}

/** One warp: row-major a [16][kBytes], columns b [16][kBytes]; y [16][16] row-major. */
template <class Math, class Tile>
__global__ void one_tile(const float* a, const float* b, float* y) {
  char* shared = static_cast<char*>(dynamic_shared());
  using Element = typename Math::Element;
  constexpr int count = Tile::k.k_bytes / static_cast<int>(sizeof(Element));
  for (int i = static_cast<int>(threadIdx.x); i < 32 * count; i += 32) {
    const int row = i / count % 16, k = i % count;
    char* tile = shared + i / count / 16 * 16 * Tile::k.k_bytes;
    const int chunk = swizzled_chunk<Tile::k.k_bytes>(row, k * static_cast<int>(sizeof(Element)) / 16);
    store(reinterpret_cast<Element*>(tile + row * Tile::k.k_bytes + chunk * 16) + k % (16 / static_cast<int>(sizeof(Element))), (i < 16 * count ? a : b)[row * count + k]);
  }
  __syncthreads();
  typename Math::template Tile<Tile> sums;
  sums.accumulate(shared, shared + 16 * Tile::k.k_bytes, 0, static_cast<int>(threadIdx.x), false);
  __syncthreads();
  sums.stage(reinterpret_cast<float*>(shared), 0, static_cast<int>(threadIdx.x), false);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < 256; i += 32) y[i] = reinterpret_cast<float*>(shared)[i / 16 * gemm_staged_pitch(Tile::k) + i % 16];
}

inline constexpr GemmTile kOne{16, 16, 64, 2, 1, 1, 1};

template <class Math>
void check_tile(const char* name, Rounding round) {
  constexpr int count = 64 / static_cast<int>(sizeof(typename Math::Element));
  const std::vector<float> a = numbers(std::size_t{16 * count}, 5), b = numbers(std::size_t{16 * count}, 6);
  std::vector<double> expected(256, 0.0);
  for (int i = 0; i < 256 * count; ++i) {
    const int row = i / count / 16, col = i / count % 16, k = i % count;
    expected[static_cast<std::size_t>(row * 16 + col)] +=
        static_cast<double>(round(a[static_cast<std::size_t>(row * count + k)])) * static_cast<double>(round(b[static_cast<std::size_t>(col * count + k)]));
  }
  // TF32 filters are rounded before they come.
  std::vector<float> filters = b;
  for (float& value : filters) value = round(value);
  const DeviceArray<float> device_a(a), device_b(filters), y(unset(256));
  launch(one_tile<Math, TileType<kOne>>, dim3(1), dim3(32), gemm_shared_bytes(kOne), nullptr, device_a.data(), device_b.data(), y.data());
  close(name, y.read(), expected, 1e-5);
}

template <class Body>
bool aborts(const Body& body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    body();
    cudaDeviceSynchronize();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

void check_half() {
  bool exact = true, nearest = true;
  for (std::uint32_t bits = 0; bits < 0x7c00u; ++bits) {
    const float value = to_float(Half{static_cast<std::uint16_t>(bits)});
    const double scale = bits < 0x0400u ? std::ldexp(static_cast<double>(bits), -24) : std::ldexp(1.0 + (bits & 0x3ffu) / 1024.0, static_cast<int>(bits >> 10) - 15);
    exact = exact && static_cast<double>(value) == scale && to_half(value).bits == bits && to_half(-value).bits == (bits | 0x8000u);
    const float next = bits + 1 < 0x7c00u ? to_float(Half{static_cast<std::uint16_t>(bits + 1)}) : 65536.0f;
    const float middle = (value + next) / 2.0f;
    const std::uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    nearest = nearest && to_half(middle).bits == even && to_half(std::nextafterf(middle, 0.0f)).bits == bits && to_half(std::nextafterf(middle, 1e9f)).bits == bits + 1;
  }
  is_true("half: every value converts to float and back", exact);
  is_true("half: halfway goes to even, less down, more up", nearest);
  is_true("half: NaN and infinity", std::isnan(to_float(to_half(NAN))) && to_half(INFINITY).bits == 0x7c00u && to_half(-70000.0f).bits == 0xfc00u);
}

void check_blocks() {
  const std::vector<float> x = numbers(std::size_t{3000}, 1);
  const DeviceArray<float> device_x(x), y(unset(3));
  launch(block_sum, dim3(3), dim3(256), 0, nullptr, device_x.data(), y.data(), 1000);
  std::vector<double> expected(3, 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) expected[i / 1000] += static_cast<double>(x[i]);
  close("sum of a block by shuffles and shared memory", y.read(), expected, 1e-5);
}

/** True if the kernel gives the reversed input in both orders of threads. */
template <bool kBarrier>
bool reverses() {
  bool right = true;
  const std::vector<float> x = numbers(std::size_t{64}, 2);
  in_both_orders([&](const char*) {
    const DeviceArray<float> device_x(x), y(unset(64));
    launch(reverse<kBarrier>, dim3(1), dim3(64), 256, nullptr, device_x.data(), y.data());
    const std::vector<float> got = y.read();
    for (std::size_t i = 0; i < 64; ++i) right = right && got[i] == x[63 - i];
  });
  return right;
}

template <bool kWait>
std::vector<float> late_copy() {
  const DeviceArray<float> x(numbers(std::size_t{8}, 3)), y(unset(8));
  launch(copy_late<kWait>, dim3(1), dim3(1), 64, nullptr, x.data(), y.data());
  return y.read();
}

void check_copies() {
  const std::vector<float> x = numbers(std::size_t{8}, 3), waited = late_copy<true>(), early = late_copy<false>();
  is_true("cp.async: arrives when waited for, the tail is zero", waited == std::vector<float>({x[0], x[1], x[2], x[3], x[4], x[5], 0.0f, 0.0f}));
  is_true("cp.async: what nobody waited for is NaN", early[3] == x[3] && std::isnan(early[4]) && std::isnan(early[7]));
}

/** 32 lanes write 4 bytes, `stride` floats apart. */
__global__ void strided_writes(int stride) { write_shared(static_cast<float*>(dynamic_shared()) + static_cast<int>(threadIdx.x) * stride, 1.0f); }

std::int64_t wavefronts_of_stride(int stride) {
  emulation::BankLog& log = emulation::bank_log();
  log = emulation::BankLog{};
  log.counting = true;
  launch(strided_writes, dim3(1), dim3(32), 32 * 33 * 4, nullptr, stride);
  cudaDeviceSynchronize();
  log.counting = false;
  return log.wavefronts;
}

}  // namespace emulation_test

int main() {
  using namespace emulation_test;
  check_half();
  check_blocks();
  is_true("a kernel with its barrier is right in both orders", reverses<true>());
  is_true("a kernel without its barrier is found out", !reverses<false>());
  check_copies();
  check_tile<HalfMath>("mma.m16n8k16 of halves and ldmatrix", as_half);
  check_tile<Tf32Math>("mma.m16n8k8 of TF32", as_tf32);
  check_tile<FloatMath>("the same tile on the ordinary units", as_float);
  is_true("bank conflicts: 1, 2 and 32 wavefronts", wavefronts_of_stride(1) == 1 && wavefronts_of_stride(2) == 2 && wavefronts_of_stride(32) == 32 && wavefronts_of_stride(33) == 1);
  is_true("a write past dynamic shared memory aborts", aborts([] { launch(write_past_end, dim3(1), dim3(1), 64, nullptr); }));
  is_true("a shuffle without half of the warp aborts", aborts([] { launch(half_a_warp_shuffles, dim3(1), dim3(32), 0, nullptr, static_cast<float*>(nullptr)); }));
  is_true("1025 threads abort", aborts([] { launch(write_past_end, dim3(1), dim3(1025), 128, nullptr); }));
  return report();
}
