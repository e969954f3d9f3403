// One block of a grid on the host: its threads run as fibers, one after the other, each until it waits. Barriers, warp operations,
// dynamic shared memory and asynchronous copies belong to the running block. Host threads do not share it: one launch at a time.
// Threads start in ascending or descending order (set_thread_order): a kernel that lacks a barrier differs between the two.
#pragma once

#include <cstring>
#include <string>

#include "cortado_cuda/emulation/bank_conflicts.h"
#include "cortado_cuda/emulation/fiber.h"
#include "cortado_cuda/emulation/checks.h"

/** CUDA's index types; global names because kernels use them so. */
struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned vx = 1, unsigned vy = 1, unsigned vz = 1) : x(vx), y(vy), z(vz) {}
};

inline uint3 threadIdx{};
inline uint3 blockIdx{};
inline dim3 blockDim{};
inline dim3 gridDim{};
inline constexpr int warpSize = 32;

namespace cortado::cuda::emulation {

inline constexpr int kWarp = 32;
inline constexpr int kWarpgroup = 128;

enum class ThreadOrder { kAscending, kDescending };

/** A copy that was issued but has not arrived. */
struct PendingCopy {
  void* target;
  const void* source;
  std::size_t bytes;       /**< Written at the target. */
  std::size_t valid_bytes; /**< Read from the source; the rest is zero. */
  int group;
};

struct AsyncCopies {
  std::vector<PendingCopy> pending;
  int committed = 0;
};

/** What the lanes of a warp (or the threads of a warpgroup) have brought to the operation they are in. */
template <int kMembers>
struct Meeting {
  void* slots[kMembers];
  int arrived;
  const char* operation;
  std::vector<Fiber*> waiting;
};

/** Of 16 bytes of shared memory: the copy that arrived there last, by the thread (number + 1; 0: none) after so many of its proxy fences. */
struct Arrival {
  unsigned thread;
  unsigned fences;
};

/** Everything about the block that runs now. */
struct BlockState {
  Fiber scheduler;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  std::vector<Fiber*> ready;
  std::vector<Fiber*> at_barrier;
  std::vector<Meeting<kWarp>> warps;
  std::vector<AsyncCopies> copies;
  std::vector<unsigned char> shared;
  std::vector<Arrival> arrivals;       /**< Of each 16 bytes of dynamic shared memory. */
  std::vector<unsigned> proxy_fences;  /**< Of each thread. */
  std::uint32_t shared_window = 0;     /**< Address of dynamic shared memory as instructions see it. */
  Fiber* current = nullptr;
  void (*body)(void*) = nullptr;
  void* body_argument = nullptr;
  int threads = 0;
  int started = 0;
  int live = 0;
  std::size_t shared_bytes = 0;
  std::size_t next_ready = 0;
  const char* barrier_file = ""; /**< Where threads wait. */
  int barrier_line = 0;
  ThreadOrder order = ThreadOrder::kAscending;
};

inline BlockState& block_state() {
  static BlockState state;
  return state;
}

inline void set_thread_order(ThreadOrder order) { block_state().order = order; }

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "emulation: %s (block %u, %u, %u)\n", what.c_str(), blockIdx.x, blockIdx.y, blockIdx.z);
  std::abort();
}

inline void set_thread_index(int thread) {
  const unsigned t = static_cast<unsigned>(thread);
  threadIdx = uint3{t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y)};
}

/** Gives control to other threads until somebody makes this one ready. */
inline void wait_here() {
  BlockState& state = block_state();
  Fiber* self = state.current;
  switch_fiber(*self, state.scheduler);
  set_thread_index(self->thread);
}

inline void release(std::vector<Fiber*>& waiting) {
  BlockState& state = block_state();
  state.ready.insert(state.ready.end(), waiting.begin(), waiting.end());
  waiting.clear();
}

CORTADO_UNCHECKED inline int current_thread() { return block_state().current->thread; }
inline int current_lane() { return current_thread() % kWarp; }

/** What all threads that waited at a barrier go on with. */
inline void pass_barrier() {
  CORTADO_CHECK(barrier());
  release(block_state().at_barrier);
}

/** __syncthreads at a line of the source: all threads of the block must come to the same one. */
inline void block_barrier(const char* file, int line) {
  BlockState& state = block_state();
  if (state.live != state.threads) fail(std::string("a barrier after threads of the block have ended: ") + file + ":" + std::to_string(line));
  if (!state.at_barrier.empty() && (state.barrier_line != line || std::strcmp(state.barrier_file, file) != 0)) {
    fail(std::string("threads wait at different barriers: ") + file + ":" + std::to_string(line) + " and " + state.barrier_file + ":" + std::to_string(state.barrier_line));
  }
  state.barrier_file = file;
  state.barrier_line = line;
  if (static_cast<int>(state.at_barrier.size()) + 1 == state.live) return pass_barrier();
  state.at_barrier.push_back(state.current);
  wait_here();
}

/** Lanes that the warp has: the last one of a block may be short. */
inline int lanes_of_warp(int warp) {
  const int rest = block_state().threads - warp * kWarp;
  return rest < kWarp ? rest : kWarp;
}

/**
 * All `members` meet; the last one calls compute(slots), where slots[member] is what that one brought (null where there is no such
 * member), then all go on.
 */
template <int kMembers, class Compute>
inline void meet(Meeting<kMembers>& meeting, int member, int members, const char* operation, void* mine, const Compute& compute) {
  if (meeting.arrived == 0) {
    std::memset(meeting.slots, 0, sizeof meeting.slots);
    meeting.operation = operation;
  } else if (meeting.operation != operation && std::strcmp(meeting.operation, operation) != 0) {
    fail(std::string("threads that belong together meet in different operations: ") + meeting.operation + " and " + operation);
  }
  meeting.slots[member] = mine;
  if (++meeting.arrived < members) {
    meeting.waiting.push_back(block_state().current);
    wait_here();
    return;
  }
  meeting.arrived = 0;
  compute(meeting.slots);
  release(meeting.waiting);
}

/** All lanes of the warp meet. */
template <class Compute>
inline void warp_operation(const char* operation, void* mine, const Compute& compute) {
  const int warp = current_thread() / kWarp;
  meet(block_state().warps[static_cast<std::size_t>(warp)], current_lane(), lanes_of_warp(warp), operation, mine, compute);
}

inline void end_thread() {
  BlockState& state = block_state();
  CORTADO_CHECK(end_thread(state.current->thread));
  state.live -= 1;
  if (!state.at_barrier.empty()) fail(std::string("a thread has ended, others wait at ") + state.barrier_file + ":" + std::to_string(state.barrier_line));
}

/** What a fiber does for ever: take the next thread of the block, run it, and rest when there is none. */
inline void fiber_main() {
#if defined(__SANITIZE_ADDRESS__)
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
  block_state().scheduler.stack = static_cast<char*>(const_cast<void*>(bottom));
  block_state().scheduler.stack_bytes = bytes;
#endif
  for (;;) {
    BlockState& state = block_state();
    Fiber* self = state.current;
    while (state.started < state.threads) {
      const int next = state.started++;
      self->thread = state.order == ThreadOrder::kAscending ? next : state.threads - 1 - next;
      set_thread_index(self->thread);
      state.body(state.body_argument);
      end_thread();
    }
    state.idle.push_back(self);
    switch_fiber(*self, state.scheduler);
  }
}

inline Fiber* take_idle_fiber() {
  BlockState& state = block_state();
  if (state.idle.empty()) {
    state.fibers.push_back(std::make_unique<Fiber>());
    prepare_fiber(*state.fibers.back(), fiber_main);
    return state.fibers.back().get();
  }
  Fiber* fiber = state.idle.back();
  state.idle.pop_back();
  return fiber;
}

inline constexpr unsigned char kPoison = 0xff; /**< NaN as float, double and half. */
inline constexpr std::size_t kGuardBytes = 1024;

inline void reset_warpgroups(int threads);  // warpgroup.h
inline void check_warpgroups();

inline void reset_block(int threads, std::size_t shared_bytes) {
  BlockState& state = block_state();
  state.threads = threads;
  state.started = 0;
  state.live = threads;
  state.shared_bytes = shared_bytes;
  state.shared.assign(shared_bytes + kGuardBytes + 128, kPoison);
  state.warps.resize(static_cast<std::size_t>((threads + kWarp - 1) / kWarp));
  for (Meeting<kWarp>& warp : state.warps) warp.arrived = 0;
  state.copies.resize(static_cast<std::size_t>(threads));
  for (AsyncCopies& copies : state.copies) copies.pending.clear(), copies.committed = 0;
  state.arrivals.assign((shared_bytes + 15) / 16, Arrival{0, 0});
  state.proxy_fences.assign(static_cast<std::size_t>(threads), 0u);
  reset_warpgroups(threads);
}

/** Start of dynamic shared memory, aligned to 128 bytes. What it is aligned to as instructions see it: shared_window. */
inline void* shared_memory() {
  const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(block_state().shared.data());
  return reinterpret_cast<void*>((at + 127) / 128 * 128);
}

inline void check_guard() {
  BlockState& state = block_state();
  const unsigned char* past = static_cast<const unsigned char*>(shared_memory()) + state.shared_bytes;
  for (std::size_t i = 0; i < kGuardBytes; ++i) {
    if (past[i] != kPoison) fail("a write past the end of " + std::to_string(state.shared_bytes) + " bytes of dynamic shared memory");
  }
}

/** Number of the running block in its grid. */
inline std::uint64_t block_number() { return (std::uint64_t{blockIdx.z} * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x; }

/** Runs all threads of one block; body(argument) is the kernel's call. */
inline void run_block(int threads, std::size_t shared_bytes, void (*body)(void*), void* argument) {
  BlockState& state = block_state();
  reset_block(threads, shared_bytes);
  CORTADO_CHECK(begin_block(block_number(), threads, shared_memory(), shared_bytes));
  state.body = body;
  state.body_argument = argument;
  while (state.live > 0) {
    if (state.started < state.threads) {
      state.current = take_idle_fiber();
    } else if (state.next_ready < state.ready.size()) {
      state.current = state.ready[state.next_ready++];
      if (state.next_ready == state.ready.size()) state.ready.clear(), state.next_ready = 0;
    } else {
      fail("deadlock: " + std::to_string(state.at_barrier.size()) + " of " + std::to_string(state.live) + " threads wait at a barrier, the others for their warp");
    }
    switch_fiber(state.scheduler, *state.current);
  }
  CORTADO_CHECK(end_block());
  check_guard();
  check_warpgroups();
  bank_log().end_block(threads);
}

}  // namespace cortado::cuda::emulation
