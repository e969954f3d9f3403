// wgmma on the host: what a descriptor names is decoded as the PTX manual says ("Asynchronous Warpgroup Level Matrix Shared Memory
// Layout"), so that a wrong one gives wrong values. The 128 threads of a warpgroup meet at each instruction. Products are made when they are waited for; until
// then their sums are NaN. It aborts where a device would go wrong silently: operands that change while they are in use, data
// that the asynchronous proxy may not see yet, sums or fragments that no wgmma.fence has passed on, products that nobody waits for.
#pragma once

#include <algorithm>
#include <array>
#include <memory>

#include "cortado_cuda/emulation/warp.h"

namespace cortado::cuda::emulation {

inline constexpr std::uint32_t kFirstSharedAddress = 1024; /**< What lies before is the system's. */
inline constexpr int kOperandBytes = 32;                   /**< Of k, in one instruction. */

/** Sums of one warpgroup that instructions in flight add to: of 64 rows, `cols` columns. */
struct SumsInFlight {
  std::array<float*, kWarpgroup> at; /**< Each thread's own. */
  int cols;
  std::vector<float> values; /**< [thread][cols / 2] */
  int instructions = 0;
};

/** Each thread's four words of a. */
using Fragments = std::array<const std::uint32_t*, kWarpgroup>;

/** One wgmma that was issued but not waited for. */
struct PendingProduct {
  SumsInFlight* sums;
  bool adds; /**< Or sets the sums. */
  bool is_half;
  bool is_a_shared;
  std::uint64_t a;
  std::uint64_t b;
  std::vector<unsigned char> rows;    /**< [64][32 bytes], as they were at the issue. */
  std::vector<unsigned char> columns; /**< [cols][32 bytes] */
  int group;
  Fragments fragments; /**< Of a, where it does not lie in shared memory. */
};

struct WarpgroupState {
  Meeting<kWarpgroup> meeting{};
  std::vector<PendingProduct> pending;
  std::vector<std::unique_ptr<SumsInFlight>> sums;
  int committed = 0;
  std::array<bool, kWarpgroup> is_fenced{};
};

inline std::vector<WarpgroupState>& warpgroup_states() {
  static std::vector<WarpgroupState> states;
  return states;
}

inline void reset_warpgroups(int threads) {
  warpgroup_states().clear();
  warpgroup_states().resize(static_cast<std::size_t>((threads + kWarpgroup - 1) / kWarpgroup));
}

inline void check_warpgroups() {
  for (const WarpgroupState& state : warpgroup_states()) {
    if (!state.pending.empty()) fail("a block ends before its wgmma instructions have");
  }
}

inline WarpgroupState& warpgroup_state() { return warpgroup_states()[static_cast<std::size_t>(current_thread() / kWarpgroup)]; }

template <class Compute>
inline void warpgroup_operation(const char* operation, void* mine, const Compute& compute) {
  if (block_state().threads % kWarpgroup != 0) fail(std::string(operation) + " needs whole warpgroups of 128 threads");
  meet(warpgroup_state().meeting, current_thread() % kWarpgroup, kWarpgroup, operation, mine, compute);
}

/** What a pointer into dynamic shared memory is to instructions. */
inline std::uint32_t shared_address(const void* at) {
  const std::ptrdiff_t offset = static_cast<const char*>(at) - static_cast<const char*>(shared_memory());
  return block_state().shared_window + static_cast<std::uint32_t>(offset);
}

/** Where 16 bytes of an operand lie: byte `byte` (0 or 16) of row `row`, k fastest. */
inline const unsigned char* operand_chunk(std::uint64_t descriptor, int row, int byte) {
  static constexpr std::uint32_t kPitch[] = {16, 128, 64, 32}, kMask[] = {0, 7, 3, 1};
  const auto field = [descriptor](int first) { return static_cast<std::uint32_t>(descriptor >> first & 0x3fffu) * 16; };
  const std::uint32_t layout = static_cast<std::uint32_t>(descriptor >> 62);
  if ((descriptor >> 49 & 7) != 0) fail("a wgmma descriptor with a base offset");
  const std::uint32_t along = layout == 0 && byte == 16 ? field(16) : static_cast<std::uint32_t>(byte);
  const std::uint32_t linear = field(0) + static_cast<std::uint32_t>(row / 8) * field(32) + static_cast<std::uint32_t>(row % 8) * kPitch[layout] + along;
  const std::uint32_t at = linear ^ (linear >> 7 & kMask[layout]) << 4;
  const std::uint32_t offset = at - block_state().shared_window;
  if (offset + 16 > block_state().shared_bytes) fail("a wgmma descriptor that leaves dynamic shared memory");
  return static_cast<const unsigned char*>(shared_memory()) + offset;
}

/** The bytes of an operand, [rows][32]. */
CORTADO_UNCHECKED inline std::vector<unsigned char> operand_bytes(std::uint64_t descriptor, int rows) {
  std::vector<unsigned char> bytes(static_cast<std::size_t>(rows * kOperandBytes));
  for (int row = 0; row < rows; ++row) {
    for (int byte = 0; byte < kOperandBytes; byte += 16) std::memcpy(bytes.data() + row * kOperandBytes + byte, operand_chunk(descriptor, row, byte), 16);
  }
  return bytes;
}

/** Data of an asynchronous copy: its thread must have passed it on to the asynchronous proxy since. */
inline void require_proxy_fence(std::uint64_t descriptor, int rows) {
  const BlockState& state = block_state();
  for (int row = 0; row < rows; ++row) {
    for (int byte = 0; byte < kOperandBytes; byte += 16) {
      const auto chunk = static_cast<std::size_t>(operand_chunk(descriptor, row, byte) - static_cast<const unsigned char*>(shared_memory())) / 16;
      const Arrival& last = state.arrivals[chunk];
      if (last.thread != 0 && state.proxy_fences[last.thread - 1] <= last.fences) fail("wgmma reads a copy that no fence.proxy.async has passed on");
    }
  }
}

/** The running thread's warp reads its 16 rows of a and all of b; the sanitizer hears of this thread's part. */
inline void note_operand_reads([[maybe_unused]] std::uint64_t descriptor, [[maybe_unused]] int first_row, [[maybe_unused]] int rows) {
#if defined(CORTADO_CUDA_SANITIZER)
  for (int row = current_lane(); row < rows; row += kWarp) {
    for (int byte = 0; byte < kOperandBytes; byte += 16) CORTADO_CHECK(used(operand_chunk(descriptor, first_row + row, byte), 16, false));
  }
#endif
}

inline void note_product_reads(bool is_a_shared, std::uint64_t a, std::uint64_t b, int cols) {
  if (is_a_shared) note_operand_reads(a, current_thread() % kWarpgroup / kWarp * 16, 16);
  note_operand_reads(b, 0, cols);
}

inline float operand_value(const std::vector<unsigned char>& bytes, int row, int k, bool is_half) {
  const std::size_t at = static_cast<std::size_t>(row * kOperandBytes + k * (is_half ? 2 : 4));
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data() + at, is_half ? 2 : 4);
  return is_half ? half_of_word(word, 0) : tf32_of_word(word);
}

/** Row, and column of the first of two, of sum 2 · pair of a thread: m64nN's accumulators. */
inline int sum_row(int thread, int pair) { return thread / kWarp * 16 + thread % kWarp / 4 + pair % 2 * 8; }
inline int sum_col(int thread, int pair) { return pair / 2 * 8 + thread % 4 * 2; }

/** sums += a · b; each dot product is rounded once. */
CORTADO_UNCHECKED inline void multiply(const PendingProduct& product) {
  SumsInFlight& sums = *product.sums;
  const int count = product.is_half ? 16 : 8;
  std::vector<double> rows(static_cast<std::size_t>(64 * count)), columns(static_cast<std::size_t>(sums.cols * count));
  for (int i = 0; i < 64 * count; ++i) rows[static_cast<std::size_t>(i)] = static_cast<double>(operand_value(product.rows, i / count, i % count, product.is_half));
  for (int i = 0; i < sums.cols * count; ++i) columns[static_cast<std::size_t>(i)] = static_cast<double>(operand_value(product.columns, i / count, i % count, product.is_half));
  float* value = sums.values.data();
  for (int thread = 0; thread < kWarpgroup; ++thread) {
    for (int i = 0; i < sums.cols / 2; ++i, ++value) {
      const double* a = rows.data() + sum_row(thread, i / 2) * count;
      const double* b = columns.data() + (sum_col(thread, i / 2) + i % 2) * count;
      double sum = product.adds ? static_cast<double>(*value) : 0.0;
      for (int k = 0; k < count; ++k) sum += a[k] * b[k];
      *value = static_cast<float>(sum);
    }
  }
}

/** One thread's part of an instruction. */
struct ProductPart {
  float* sums;
  const std::uint32_t* fragment; /**< Four words of a; null where a lies in shared memory. */
  std::uint64_t a;
  std::uint64_t b;
};

/** The sums of an instruction: those that an instruction in flight adds to already, or the threads' own, which are nobody's until they are waited for. */
CORTADO_UNCHECKED inline SumsInFlight* sums_of(WarpgroupState& state, void* const* slots, int cols) {
  float* const first = static_cast<ProductPart*>(slots[0])->sums;
  for (const auto& known : state.sums) {
    if (known->at[0] == first) return known.get();
  }
  state.sums.push_back(std::make_unique<SumsInFlight>());
  SumsInFlight* const sums = state.sums.back().get();
  sums->cols = cols;
  for (int thread = 0; thread < kWarpgroup; ++thread) {
    float* const own = static_cast<ProductPart*>(slots[thread])->sums;
    sums->at[static_cast<std::size_t>(thread)] = own;
    sums->values.insert(sums->values.end(), own, own + cols / 2);
    std::memset(static_cast<void*>(own), kPoison, sizeof(float) * static_cast<std::size_t>(cols / 2));
  }
  return sums;
}

/** a from registers, TF32: [64][8 words]. */
CORTADO_UNCHECKED inline std::vector<unsigned char> fragment_bytes(const Fragments& fragments) {
  std::vector<unsigned char> bytes(64 * kOperandBytes);
  for (int thread = 0; thread < kWarpgroup; ++thread) {
    for (int i = 0; i < 4; ++i) {
      const int row = thread / kWarp * 16 + thread % kWarp / 4 + i % 2 * 8, word = thread % 4 + i / 2 * 4;
      std::memcpy(bytes.data() + row * kOperandBytes + word * 4, fragments[static_cast<std::size_t>(thread)] + i, 4);
    }
  }
  return bytes;
}

CORTADO_UNCHECKED inline std::vector<unsigned char> rows_now(const PendingProduct& product) {
  return product.is_a_shared ? operand_bytes(product.a, 64) : fragment_bytes(product.fragments);
}

/** wgmma.mma_async.m64nNk16.f32.f16.f16 or m64nNk8.f32.tf32.tf32. */
CORTADO_UNCHECKED inline void issue_product(const char* name, float* sums, int cols, bool adds, bool is_half, const std::uint32_t* fragment, std::uint64_t a, std::uint64_t b) {
  WarpgroupState& state = warpgroup_state();
  if (!state.is_fenced[static_cast<std::size_t>(current_thread() % kWarpgroup)]) fail(std::string(name) + " without wgmma.fence after the registers were used");
  note_product_reads(fragment == nullptr, a, b, cols);
  ProductPart mine{sums, fragment, a, b};
  warpgroup_operation(name, &mine, [&](void** slots) CORTADO_UNCHECKED {
    for (int thread = 0; thread < kWarpgroup; ++thread) {
      const ProductPart* part = static_cast<ProductPart*>(slots[thread]);
      if (part->b != b || (fragment == nullptr && part->a != a)) fail("threads of a warpgroup bring different descriptors");
    }
    PendingProduct product{sums_of(state, slots, cols), adds, is_half, fragment == nullptr, a, b, {}, operand_bytes(b, cols), state.committed, {}};
    require_proxy_fence(b, cols);
    if (product.is_a_shared) require_proxy_fence(a, 64);
    for (std::size_t thread = 0; thread < kWarpgroup; ++thread) product.fragments[thread] = static_cast<ProductPart*>(slots[thread])->fragment;
    product.rows = rows_now(product);
    product.sums->instructions += 1;
    state.pending.push_back(std::move(product));
  });
}

/** wgmma.fence: registers that the thread has used may be given to the next instructions. */
inline void fence_products() { warpgroup_state().is_fenced[static_cast<std::size_t>(current_thread() % kWarpgroup)] = true; }

/** wgmma.commit_group. */
inline void commit_products() {
  warpgroup_operation("wgmma.commit_group", nullptr, [](void**) { warpgroup_state().committed += 1; });
}

CORTADO_UNCHECKED inline void finish_product(WarpgroupState& state, const PendingProduct& product) {
  SumsInFlight& sums = *product.sums;
  if (operand_bytes(product.b, sums.cols) != product.columns || rows_now(product) != product.rows) fail("an operand has changed while wgmma was reading it");
  multiply(product);
  if (--sums.instructions > 0) return;
  for (std::size_t thread = 0; thread < kWarpgroup; ++thread) {
    const std::size_t count = static_cast<std::size_t>(sums.cols / 2);
    std::memcpy(sums.at[thread], sums.values.data() + thread * count, count * sizeof(float));
  }
  state.sums.erase(std::find_if(state.sums.begin(), state.sums.end(), [&](const auto& one) { return one.get() == &sums; }));
}

/** wgmma.wait_group: all but the `newest` last groups are done. */
CORTADO_UNCHECKED inline void wait_products(int newest) {
  WarpgroupState& state = warpgroup_state();
  const auto is_done = [&](const PendingProduct& product) { return product.group < state.committed - newest; };
  for (const PendingProduct& product : state.pending) {
    if (is_done(product)) note_product_reads(product.is_a_shared, product.a, product.b, product.sums->cols);
  }
  state.is_fenced[static_cast<std::size_t>(current_thread() % kWarpgroup)] = false;
  warpgroup_operation("wgmma.wait_group", nullptr, [&](void**) CORTADO_UNCHECKED {
    std::vector<PendingProduct> kept;
    for (PendingProduct& product : state.pending) {
      if (is_done(product)) finish_product(state, product);
      else kept.push_back(std::move(product));
    }
    state.pending = std::move(kept);
  });
}

/** fence.proxy.async: what this thread has written to shared memory, asynchronous copies that it has waited for included. */
inline void fence_async_proxy() { block_state().proxy_fences[static_cast<std::size_t>(current_thread())] += 1; }

}  // namespace cortado::cuda::emulation
