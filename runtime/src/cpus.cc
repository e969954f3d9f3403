// Answers are read anew at each call: a process may be moved to other CPUs while it runs.
#include "cortado/cpus.h"

#if CORTADO_HOSTED

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cortado/os_threads.h"

namespace cortado {

namespace {

long capacity_of(int cpu, const char* folder) {
  constexpr const char* kFiles[] = {"cpu_capacity", "cpufreq/cpuinfo_max_freq"};
  for (const char* file : kFiles) {
    char path[256];
    std::snprintf(path, sizeof path, "%s/cpu%d/%s", folder, cpu, file);
    std::FILE* const stream = std::fopen(path, "r");
    if (stream == nullptr) continue;
    long capacity = 0;
    const bool good = std::fscanf(stream, "%ld", &capacity) == 1;
    std::fclose(stream);
    if (good && capacity > 0) return capacity;
  }
  return 1;  // unknown: all alike
}

// Numbers and ranges; false where the text is anything else.
bool read_list(const char* list, CpuSet* cpus) {
  for (const char* at = list;; ++at) {
    char* end = nullptr;
    if (*at < '0' || *at > '9') return false;
    const long first = std::strtol(at, &end, 10);
    long last = first;
    if (*end == '-') {
      at = end + 1;
      if (*at < '0' || *at > '9') return false;
      last = std::strtol(at, &end, 10);
    }
    if (last < first || last >= CpuSet::kMost) return false;
    for (long cpu = first; cpu <= last; ++cpu) cpus->add(static_cast<int>(cpu));
    if (*end == '\0') return true;
    if (*end != ',') return false;
    at = end;
  }
}

}  // namespace

#if defined(__linux__) && defined(CPU_SETSIZE)

CpuSet own_cpus() {
  CpuSet own;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return own;
  for (int cpu = 0; cpu < CPU_SETSIZE && cpu < CpuSet::kMost; ++cpu)
    if (CPU_ISSET(cpu, &set)) own.add(cpu);
  return own;
}

bool bind_thread(const CpuSet& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu = 0; cpu < CPU_SETSIZE && cpu < CpuSet::kMost; ++cpu)
    if (cpus.has(cpu)) CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

#else

CpuSet own_cpus() { return CpuSet{}; }
bool bind_thread(const CpuSet&) { return false; }

#endif

int usable_cpus() {
  const int own = own_cpus().count();
  if (own > 0) return own;
#if defined(_WIN32)
  const DWORD online = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
#else
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
#endif
  return online > 0 ? static_cast<int>(online) : 1;
}

CpuSet fast_cpus(const CpuSet& among, const char* folder) {
  long capacities[CpuSet::kMost] = {};
  long greatest = 0;
  for (int cpu = 0; cpu < CpuSet::kMost; ++cpu) {
    if (!among.has(cpu)) continue;
    capacities[cpu] = capacity_of(cpu, folder);
    if (capacities[cpu] > greatest) greatest = capacities[cpu];
  }
  CpuSet fast;
  for (int cpu = 0; cpu < CpuSet::kMost; ++cpu)
    if (among.has(cpu) && capacities[cpu] >= greatest - greatest / 4) fast.add(cpu);
  return fast;
}

bool choose_cpus(const char* which, const CpuSet& among, CpuSet* chosen, const char* folder) {
  *chosen = CpuSet{};
  if (std::strcmp(which, "all") == 0) {
    *chosen = among;
  } else if (std::strcmp(which, "fast") == 0) {
    *chosen = fast_cpus(among, folder);
  } else if (!read_list(which, chosen)) {
    return false;
  }
  for (int cpu = 0; cpu < CpuSet::kMost; ++cpu)
    if (chosen->has(cpu) && !among.has(cpu)) return false;
  return chosen->count() > 0;
}

}  // namespace cortado

#endif
