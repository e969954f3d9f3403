// wgmma in the emulation: a product from descriptors is right, and each mistake that a device would not forgive is found: by an end with a
// message, or by wrong values.
#include <sys/wait.h>
#include <unistd.h>

#include "cortado_cuda/tile_math.h"
#include "device_check.h"

namespace wgmma_emulation_test {

using namespace check;
using namespace cortado::cuda;

enum class Mistake { kNone, kNoProxyFence, kNoFence, kEarlyRead, kNeverWaits, kRefilled, kFragment, kSwizzle, kAlignment, kHalfAGroup };

/** y[64][64] = a[64][k] · b[64][k], k = 128 bytes, in one warpgroup. */
template <class Math, Mistake kMistake>
__global__ void one_product(const typename Math::Element* a, const typename Math::Element* b, float* y) {
  constexpr int wide = 16 / static_cast<int>(sizeof(typename Math::Element));
  char* shared = static_cast<char*>(kMistake == Mistake::kAlignment ? dynamic_shared() : swizzled_shared());
  char* columns = shared + 64 * 128;
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i < 64 * 8; i += kMistake == Mistake::kHalfAGroup ? 64 : 128) {
    const int at = i / 8 * 128 + swizzled_chunk<128>(i / 8, i % 8) * 16;
    copy_async<16>(shared + at, a + i * wide, 16);
    copy_async<16>(columns + at, b + i * wide, 16);
  }
  commit_copies();
  wait_copies<0>();
  if (kMistake != Mistake::kNoProxyFence) fence_async_proxy();
  __syncthreads();
  float sums[1][8][4];
  typename Math::Groups::template Fragments<1, 4> fragments;
  const std::uint64_t descriptor = tile_descriptor(columns);
  if constexpr (kMistake == Mistake::kSwizzle) {
    wgmma_fence();
    wgmma_f16(sums[0], tile_descriptor(shared), descriptor ^ std::uint64_t{3} << 62, false);
    wgmma_commit();
  } else if constexpr (kMistake == Mistake::kNoFence) {
    wgmma_f16(sums[0], tile_descriptor(shared), descriptor, false);
  } else {
    Math::Groups::multiply_group(sums, fragments, shared, descriptor, thread / 32, thread % 32, false);
  }
  if (kMistake == Mistake::kRefilled && thread == 0) columns[0] = static_cast<char>(columns[0] + 1);
  if constexpr (kMistake == Mistake::kFragment) fragments.words[0][0][0] += 0x2000;
  if (kMistake != Mistake::kEarlyRead && kMistake != Mistake::kNeverWaits) wgmma_wait<0>();
  for (int i = 0; i < 32; ++i) y[(thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8) * 64 + i / 4 * 8 + thread % 4 * 2 + i % 2] = sums[0][i / 4][i % 4];
  if (kMistake == Mistake::kEarlyRead) wgmma_wait<0>();
}

template <class Math, Mistake kMistake>
std::vector<float> product_of(const std::vector<float>& a, const std::vector<float>& b) {
  using Element = typename Math::Element;
  const DeviceArray<Element> device_a(elements<Element>(a)), device_b(elements<Element>(b));
  const DeviceArray<float> y(unset(64 * 64));
  launch(one_product<Math, kMistake>, dim3(1), dim3(kMistake == Mistake::kHalfAGroup ? 64 : 128), 2 * 64 * 128, nullptr, device_a.data(), device_b.data(), y.data());
  return y.read();
}

/** Operands of `count` elements of k. */
struct Operands {
  std::vector<float> a, b;
  std::vector<double> expected;
  Operands(int count, Rounding round) : a(numbers(std::int64_t{64} * count, 1)), b(numbers(std::int64_t{64} * count, 2)), expected(64 * 64, 0.0) {
    for (float& value : b) value = round(value);  // filters are rounded before they come
    for (int i = 0; i < 64 * 64 * count; ++i) {
      const int row = i / count / 64, col = i / count % 64, k = i % count;
      expected[static_cast<std::size_t>(row * 64 + col)] += static_cast<double>(round(a[static_cast<std::size_t>(row * count + k)])) * static_cast<double>(b[static_cast<std::size_t>(col * count + k)]);
    }
  }
};

/** Entries that are not what they should be, NaN included. */
template <Mistake kMistake, class Math = HalfMath>
int wrong_values() {
  constexpr bool is_half = std::is_same_v<Math, HalfMath>;
  const Operands in(is_half ? 64 : 32, is_half ? as_half : as_tf32);
  const std::vector<float> y = product_of<Math, kMistake>(in.a, in.b);
  int wrong = 0;
  for (std::size_t i = 0; i < y.size(); ++i) wrong += std::fabs(static_cast<double>(y[i]) - in.expected[i]) < 1e-4 ? 0 : 1;
  return wrong;
}

/** Whether the emulation ends the program, with a message that has these words. */
template <Mistake kMistake, class Math = HalfMath>
bool aborts(const char* words) {
  std::fflush(stdout);
  int messages[2];
  if (pipe(messages) != 0) return false;
  const pid_t child = fork();
  if (child == 0) {
    dup2(messages[1], STDERR_FILENO);
    wrong_values<kMistake, Math>();
    _exit(0);
  }
  close(messages[1]);
  std::string said;
  char buffer[512];
  for (ssize_t count = read(messages[0], buffer, sizeof buffer); count > 0; count = read(messages[0], buffer, sizeof buffer)) said.append(buffer, static_cast<std::size_t>(count));
  close(messages[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && said.find(words) != std::string::npos;
}

}  // namespace wgmma_emulation_test

int main() {
  using namespace wgmma_emulation_test;
  const Operands halves(64, as_half), floats(32, as_tf32);
  check::close("wgmma.m64n64k16 of halves", product_of<HalfMath, Mistake::kNone>(halves.a, halves.b), halves.expected, 1e-5);
  check::close("wgmma.m64n64k8 of TF32, pixels rounded", product_of<Tf32Math, Mistake::kNone>(floats.a, floats.b), floats.expected, 1e-5);
  is_true("another swizzle gives other values", wrong_values<Mistake::kSwizzle>() > 2000);
  is_true("a tile that is aligned to 128 bytes only gives other values", wrong_values<Mistake::kAlignment>() > 2000);
  is_true("sums are nobody's before they are waited for", wrong_values<Mistake::kEarlyRead>() == 64 * 64);
  is_true("copies without fence.proxy.async abort", aborts<Mistake::kNoProxyFence>("fence.proxy.async"));
  is_true("registers without wgmma.fence abort", aborts<Mistake::kNoFence>("wgmma.fence"));
  is_true("an operand that changes in flight aborts", aborts<Mistake::kRefilled>("has changed"));
  is_true("a fragment that changes in flight aborts", aborts<Mistake::kFragment, Tf32Math>("has changed"));
  is_true("a block that ends before its products aborts", aborts<Mistake::kNeverWaits>("ends before"));
  is_true("half a warpgroup aborts", aborts<Mistake::kHalfAGroup>("whole warpgroups"));
  return report();
}
