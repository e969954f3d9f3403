// The CPUs of this machine: which ones this process may use, which are the fast ones where they are unequal (phones and
// boards), and which ones a text names. Linux alone tells and binds; elsewhere only their number is known.
#pragma once

#include "cortado/part.h"

namespace cortado {

/** CPUs by the system's numbers. */
class CpuSet {
 public:
  static constexpr int kMost = 1024;

  void add(int cpu) { words_[cpu / 64] |= std::uint64_t{1} << cpu % 64; }
  bool has(int cpu) const { return (words_[cpu / 64] >> cpu % 64 & 1) != 0; }
  int count() const {
    int sum = 0;
    for (int cpu = 0; cpu < kMost; ++cpu) sum += has(cpu) ? 1 : 0;
    return sum;
  }

 private:
  std::uint64_t words_[kMost / 64] = {};
};

/** Where Linux describes its CPUs: cpu<N>/cpu_capacity, cpu<N>/cpufreq/cpuinfo_max_freq. */
constexpr const char* kCpuFolder = "/sys/devices/system/cpu";

/** CPUs that the calling thread may use; empty where the system does not tell. */
CpuSet own_cpus();

/** Number of CPUs that the calling thread may use, at least 1. */
int usable_cpus();

/**
 * Of `among` those with at least three quarters of the greatest capacity: the scheduler's (known on ARM and RISC-V), else
 * the highest frequency. All of them where neither is known.
 */
CpuSet fast_cpus(const CpuSet& among, const char* folder = kCpuFolder);

/** `which`: "all", "fast", or numbers and ranges such as "0,4-7". False unless it names CPUs, and only those of `among`. */
bool choose_cpus(const char* which, const CpuSet& among, CpuSet* chosen, const char* folder = kCpuFolder);

/** Binds the calling thread, and threads that it starts later, to the CPUs. */
bool bind_thread(const CpuSet& cpus);

}  // namespace cortado
