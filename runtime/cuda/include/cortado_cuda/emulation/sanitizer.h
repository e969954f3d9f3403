// What NVIDIA's compute-sanitizer finds on a device, found in the emulation (CORTADO_CUDA_SANITIZER): every access of a kernel to device or
// shared memory is held against a shadow of that memory. Kernels are compiled with -fsanitize=thread, whose calls sanitizer_hooks.h
// receives; no other runtime of the compiler's is linked. Found are
// - races: two threads at one place, one of them writing, without a __syncthreads between them; blocks of one launch likewise, unless a
//   fence and an atomic word order them (each thread's fence covers what the barriers before it ordered, as PTX's causality order says);
// - reads of what nobody has written, asynchronous copies that have not arrived included;
// - accesses to what kernels write before begin_kernel(), and kernels without it: the kernel before may still run;
// - accesses of vectors at addresses that are no multiple of their size, and of the host's registered memory.
// Findings are printed with their place in the source; the program exits with kSanitizerExit. One host thread at a time runs kernels.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#define CORTADO_UNCHECKED __attribute__((no_sanitize("thread")))

namespace cortado::cuda::emulation {

int current_thread();

inline constexpr int kSanitizerExit = 86;
inline constexpr std::size_t kMostFindings = 20;

/** An access as the shadow keeps it. Blocks, launches and epochs are kept modulo the size of their field: far more than live at once. */
struct Access {
  std::uint64_t launch : 14;
  std::uint64_t block : 22;
  std::uint64_t epoch : 13; /**< Barriers that the block had passed. */
  std::uint64_t thread : 11;
  std::uint64_t bytes : 4; /**< Which of the word's four; 0: no access yet. */
};
inline constexpr std::uint64_t kManyThreads = 2047; /**< Several threads have read. */
inline constexpr std::uint64_t kManyBlocks = (1u << 22) - 1;

/** Of 4 bytes of memory: who wrote last, who has read since. */
struct ShadowWord {
  Access write;
  Access read;
};

/** Memory that kernels may use, or must not. */
struct ShadowRegion {
  enum Kind { kDevice, kShared, kHost };
  std::uintptr_t begin;
  std::uintptr_t end;
  Kind kind;
  ShadowWord* words;       /**< Pages that no access has touched cost nothing. */
  std::uint8_t* written;   /**< One bit for each byte. */
  std::size_t shadow_bytes;
};

/** What a fence has made known of a block: accesses before this epoch, and one thread's own in it. */
struct Known {
  std::uint64_t epoch;
  std::uint64_t thread;
};
using Clock = std::map<std::uint64_t, Known>;

CORTADO_UNCHECKED inline void join(Clock& into, const Clock& from) {
  for (const auto& [block, known] : from) {
    const auto [at, is_new] = into.emplace(block, known);
    if (!is_new && at->second.epoch < known.epoch) at->second = known;
  }
}

struct ThreadClock {
  Clock known;      /**< Ordered before this thread. */
  Clock seen;       /**< Read from atomic words, known after the next fence. */
  Clock released;   /**< What its last fence has published for its next atomic. */
  bool has_begun = false; /**< It came to begin_kernel(). */
};

class Sanitizer;
/** While a kernel runs, the sanitizer; null at other times, and while it works: its own containers are checked like any other code. */
inline Sanitizer* watching = nullptr;

class Sanitizer {
 public:
  // ---- memory --------------------------------------------------------------------------------------------------------

  CORTADO_UNCHECKED void add_region(ShadowRegion::Kind kind, const void* data, std::size_t bytes) {
    if (bytes == 0 || region_count_ == kMostRegions) return;
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(data) / 4 * 4;
    const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(data) + bytes;
    const std::size_t words = (end - begin + 3) / 4;
    ShadowRegion region{begin, end, kind, nullptr, nullptr, words * (sizeof(ShadowWord) + 1)};
    void* const pages = mmap(nullptr, region.shadow_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) std::abort();
    region.words = static_cast<ShadowWord*>(pages);
    region.written = reinterpret_cast<std::uint8_t*>(region.words + words);
    regions_[region_count_++] = region;
  }

  CORTADO_UNCHECKED void remove_region(const void* data) {
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(data) / 4 * 4;
    for (std::size_t i = 0; i < region_count_; ++i) {
      if (regions_[i].begin != begin) continue;
      munmap(regions_[i].words, regions_[i].shadow_bytes);
      regions_[i] = regions_[--region_count_];
      return;
    }
  }

  /** The host, a copy or a memset has filled it (written), or its content is gone. */
  CORTADO_UNCHECKED void mark(const void* data, std::size_t bytes, bool written) {
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(data);
    const ShadowRegion* const region = find(at);
    if (region == nullptr) return;
    for (std::uintptr_t word = at / 4 * 4; word < at + bytes && word < region->end; word += 4) {
      std::uint8_t& bits = region->written[(word - region->begin) / 4];
      const auto mask = static_cast<std::uint8_t>(bytes_of(word, at, bytes));
      bits = static_cast<std::uint8_t>(written ? bits | mask : bits & ~mask);
    }
  }

  // ---- blocks and threads --------------------------------------------------------------------------------------------

  CORTADO_UNCHECKED void begin_launch() {
    launch_ += 1;
    atomics_.clear();
  }

  /** `shared`: dynamic shared memory of this block; static shared memory is this host thread's (thread_local). */
  CORTADO_UNCHECKED void begin_block(std::uint64_t block, int threads, const void* shared, std::size_t shared_bytes) {
    block_ = block % kManyBlocks;
    epoch_ = 0;
    block_known_.clear();
    clocks_.assign(static_cast<std::size_t>(threads), ThreadClock{});
    use_shared(0, shared, shared_bytes);
    const auto [statics, static_bytes] = static_shared();
    use_shared(1, statics, static_bytes);
    watching = this;
  }
  CORTADO_UNCHECKED void end_block() { watching = nullptr; }

  CORTADO_UNCHECKED void begin_kernel(int thread) { clocks_[static_cast<std::size_t>(thread)].has_begun = true; }
  CORTADO_UNCHECKED void end_thread(int thread) {
    if (!clocks_[static_cast<std::size_t>(thread)].has_begun) found("a thread ends without begin_kernel()", ShadowRegion{}, 0, 0, thread, __builtin_return_address(0));
  }

  /** All threads of the block have met. */
  CORTADO_UNCHECKED void barrier() {
    epoch_ += 1;
    for (ThreadClock& clock : clocks_)
      if (!clock.known.empty()) join(block_known_, clock.known);
  }

  /** __threadfence. */
  CORTADO_UNCHECKED void fence(int thread) {
    ThreadClock& clock = clocks_[static_cast<std::size_t>(thread)];
    join(clock.known, clock.seen);
    clock.released = block_known_;
    join(clock.released, clock.known);
    clock.released[block_] = Known{epoch_, static_cast<std::uint64_t>(thread)};
  }

  /** An atomic operation on a word: passes on what the thread's fence has released, sees what others have. */
  CORTADO_UNCHECKED void atomic(int thread, const void* word) {
    ThreadClock& clock = clocks_[static_cast<std::size_t>(thread)];
    Clock& at = atomics_[reinterpret_cast<std::uintptr_t>(word)];
    join(clock.seen, at);
    join(at, clock.released);
  }

  // ---- accesses ------------------------------------------------------------------------------------------------------

  /** One access of the running thread. `instruction`: address of the code, for the message. */
  CORTADO_UNCHECKED void access(const void* data, std::size_t bytes, bool writes, bool is_aligned, const void* instruction) {
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(data);
    const ShadowRegion* const region = find(at);
    if (region == nullptr) return;
    const int thread = current_thread();
    if (region->kind == ShadowRegion::kHost) return found("a kernel uses the host's memory", *region, at, bytes, thread, instruction);
    if (at + bytes > region->end) return found("an access past the end of the memory", *region, at, bytes, thread, instruction);
    if (is_aligned && at % bytes != 0) found("an address that is no multiple of the size of the access", *region, at, bytes, thread, instruction);
    for (std::uintptr_t word = at / 4 * 4; word < at + bytes; word += 4) {
      const std::uint64_t mask = bytes_of(word, at, bytes);
      const std::size_t index = (word - region->begin) / 4;
      const bool is_early = region->kind == ShadowRegion::kDevice && !clocks_[static_cast<std::size_t>(thread)].has_begun;
      if (is_early && (writes || region->words[index].write.bytes != 0))
        found("memory that kernels write is used before begin_kernel()", *region, at, bytes, thread, instruction);
      const char* const problem = writes ? write_word(region->words[index], mask, thread) : read_word(region->words[index], mask, thread);
      if (problem != nullptr) found(problem, *region, at, bytes, thread, instruction);
      if (writes) region->written[index] = static_cast<std::uint8_t>(region->written[index] | mask);
      else if ((region->written[index] & mask) != mask) found("a read of what nobody has written, or of a copy that has not arrived", *region, at, bytes, thread, instruction);
    }
  }

  /** An access that the emulation makes for a thread. */
  void used(const void* data, std::size_t bytes, bool writes);

  CORTADO_UNCHECKED std::size_t findings() const { return seen_.size(); }

 private:
  static CORTADO_UNCHECKED std::uint64_t bytes_of(std::uintptr_t word, std::uintptr_t at, std::size_t bytes) {
    const std::uintptr_t first = at > word ? at - word : 0, end = at + bytes < word + 4 ? at + bytes - word : 4;
    return (15u >> (4 - (end - first))) << first;
  }

  CORTADO_UNCHECKED const ShadowRegion* find(std::uintptr_t at) {
    if (last_ < region_count_ && at >= regions_[last_].begin && at < regions_[last_].end) return &regions_[last_];
    for (std::size_t i = 0; i < 2; ++i)
      if (at >= shared_[i].begin && at < shared_[i].end) return &shared_[i];
    for (std::size_t i = 0; i < region_count_; ++i)
      if (at >= regions_[i].begin && at < regions_[i].end) return &regions_[last_ = i];
    return nullptr;
  }

  /** The shadow of shared memory is used again by the next block, whose accesses have another number. */
  CORTADO_UNCHECKED void use_shared(std::size_t which, const void* data, std::size_t bytes) {
    ShadowRegion& region = shared_[which];
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(data) / 4 * 4, end = reinterpret_cast<std::uintptr_t>(data) + bytes;
    const std::size_t words = (end - begin + 3) / 4;
    if (shared_words_[which].size() < words) shared_words_[which].resize(words);
    shared_written_[which].assign(words, 0);
    std::fill(shared_words_[which].begin(), shared_words_[which].end(), ShadowWord{});
    region = ShadowRegion{begin, end, ShadowRegion::kShared, shared_words_[which].data(), shared_written_[which].data(), 0};
  }

  static std::pair<const void*, std::size_t> static_shared();

  CORTADO_UNCHECKED Access mine(int thread, std::uint64_t mask) const {
    return Access{launch_ & 0x3fff, block_ & 0x3fffff, epoch_ & 0x1fff, static_cast<std::uint64_t>(thread) & 0x7ff, mask & 15};
  }

  /** Whether nothing orders an earlier access of this launch before the running thread. */
  CORTADO_UNCHECKED bool races(const Access& before, const Access& now) const {
    if ((before.bytes & now.bytes) == 0 || before.launch != now.launch) return false;
    if (before.block == now.block) return before.thread != now.thread && before.epoch == now.epoch;
    return !knows(block_known_, before) && !knows(clocks_[now.thread].known, before);
  }
  static CORTADO_UNCHECKED bool knows(const Clock& clock, const Access& before) {
    const auto at = clock.find(before.block);
    return at != clock.end() && (before.epoch < at->second.epoch || (before.epoch == at->second.epoch && before.thread == at->second.thread));
  }

  CORTADO_UNCHECKED const char* write_word(ShadowWord& word, std::uint64_t mask, int thread) const {
    const Access now = mine(thread, mask);
    const char* problem = nullptr;
    if (races(word.write, now)) problem = now.block == word.write.block ? "two threads write, no barrier between" : "two blocks write, nothing orders them";
    else if (races(word.read, now)) problem = now.block == word.read.block ? "a write after another thread's read, no barrier between" : "a write after another block's read, nothing orders them";
    Access merged = now;
    if (is_same_time(word.write, now)) merged.bytes |= word.write.bytes;
    word.write = merged;
    return problem;
  }

  CORTADO_UNCHECKED const char* read_word(ShadowWord& word, std::uint64_t mask, int thread) const {
    const Access now = mine(thread, mask);
    const char* const problem = !races(word.write, now) ? nullptr
                                : now.block == word.write.block ? "a read after another thread's write, no barrier between"
                                                                : "a read after another block's write, nothing orders them";
    Access merged = now;
    if (word.read.bytes != 0 && word.read.launch == now.launch) {
      const bool is_other_block = word.read.block != now.block;
      if (is_other_block) merged.block = kManyBlocks;
      if (is_other_block || (word.read.epoch == now.epoch && word.read.thread != now.thread)) merged.thread = kManyThreads;
      merged.bytes |= word.read.bytes;
    }
    word.read = merged;
    return problem;
  }

  static CORTADO_UNCHECKED bool is_same_time(const Access& a, const Access& b) {
    return a.launch == b.launch && a.block == b.block && a.epoch == b.epoch && a.thread == b.thread;
  }

  void found(const char* what, const ShadowRegion& region, std::uintptr_t at, std::size_t bytes, int thread, const void* instruction);
  void exit_with_findings();

  static constexpr std::size_t kMostRegions = 256;
  ShadowRegion regions_[kMostRegions] = {};
  std::size_t region_count_ = 0;
  ShadowRegion shared_[2] = {};
  std::vector<ShadowWord> shared_words_[2];
  std::vector<std::uint8_t> shared_written_[2];
  std::vector<ThreadClock> clocks_;
  Clock block_known_;
  std::map<std::uintptr_t, Clock> atomics_;
  std::vector<std::pair<const void*, std::string>> seen_;
  std::size_t last_ = 0;
  std::uint64_t launch_ = 0;
  std::uint64_t block_ = 0;
  std::uint64_t epoch_ = 0;
};

CORTADO_UNCHECKED inline Sanitizer& sanitizer() {
  static Sanitizer* const instance = new Sanitizer;  // never destroyed: exit handlers may still free memory
  return *instance;
}

}  // namespace cortado::cuda::emulation

#include "cortado_cuda/emulation/sanitizer_hooks.h"
