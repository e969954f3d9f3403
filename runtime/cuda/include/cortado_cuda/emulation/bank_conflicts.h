// Counts bank conflicts: kernels that go to shared memory through shared.cuh and async_copy.cuh report each access; at the end of a
// block the i-th access of all lanes of a warp is one instruction, and its wavefronts are counted against the least possible.
// Off unless a test turns it on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cortado::cuda::emulation {

struct SharedAccess {
  std::uintptr_t address;
  int bytes;
};

struct BankLog {
  bool counting = false;
  std::int64_t instructions = 0;
  std::int64_t wavefronts = 0;
  std::int64_t least = 0;
  std::vector<std::vector<SharedAccess>> per_thread;

  void note(int thread, const void* address, int bytes) {
    if (!counting) return;
    if (per_thread.size() <= static_cast<std::size_t>(thread)) per_thread.resize(static_cast<std::size_t>(thread) + 1);
    per_thread[static_cast<std::size_t>(thread)].push_back(SharedAccess{reinterpret_cast<std::uintptr_t>(address), bytes});
  }

  /** Different 4-byte words in the fullest of the 32 banks. */
  static std::int64_t wavefronts_of(std::vector<std::uintptr_t>& words) {
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    std::int64_t banks[32] = {};
    std::int64_t most = 0;
    for (const std::uintptr_t word : words) most = std::max(most, ++banks[word % 32]);
    return most;
  }

  /** A warp's instruction goes in groups of 32, 16 or 8 lanes for 4, 8 and 16 bytes a lane. */
  void count_instruction(const SharedAccess* const* lanes, int count) {
    const int group = 128 / std::max(4, lanes[0]->bytes);
    for (int first = 0; first < count; first += group) {
      std::vector<std::uintptr_t> words;
      for (int lane = first; lane < std::min(count, first + group); ++lane) {
        for (int b = 0; b < lanes[lane]->bytes; b += 4) words.push_back((lanes[lane]->address + static_cast<std::uintptr_t>(b)) / 4);
      }
      wavefronts += wavefronts_of(words);
      least += 1;
    }
    instructions += 1;
  }

  void end_block(int threads) {
    if (!counting || per_thread.empty()) return;
    per_thread.resize(static_cast<std::size_t>(threads));
    for (int warp = 0; warp < threads; warp += 32) {
      const int count = std::min(32, threads - warp);
      std::size_t longest = 0;
      for (int lane = 0; lane < count; ++lane) longest = std::max(longest, per_thread[static_cast<std::size_t>(warp + lane)].size());
      for (std::size_t i = 0; i < longest; ++i) {
        const SharedAccess* lanes[32];
        int present = 0;
        for (int lane = 0; lane < count; ++lane) {
          const std::vector<SharedAccess>& log = per_thread[static_cast<std::size_t>(warp + lane)];
          if (i < log.size()) lanes[present++] = &log[i];
        }
        count_instruction(lanes, present);
      }
    }
    per_thread.clear();
  }
};

inline BankLog& bank_log() {
  static BankLog log;
  return log;
}

}  // namespace cortado::cuda::emulation
