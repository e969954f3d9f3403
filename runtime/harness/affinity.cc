// Linux only. Capacities are the scheduler's (cpu_capacity, known on ARM), else the highest frequencies.
#include "affinity.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sched.h>
#endif

namespace cortado {

#if defined(__linux__) && defined(CPU_SETSIZE)

namespace {

long capacity_of(int cpu) {
  constexpr const char* kFiles[] = {"cpu_capacity", "cpufreq/cpuinfo_max_freq"};
  for (const char* file : kFiles) {
    char path[128];
    std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/%s", cpu, file);
    std::FILE* const stream = std::fopen(path, "r");
    if (stream == nullptr) continue;
    long capacity = 0;
    const bool good = std::fscanf(stream, "%ld", &capacity) == 1;
    std::fclose(stream);
    if (good && capacity > 0) return capacity;
  }
  return 1;  // unknown: all alike
}

void choose_fast(const cpu_set_t& usable, cpu_set_t* chosen) {
  long greatest = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &usable)) continue;
    const long capacity = capacity_of(cpu);
    if (capacity > greatest) greatest = capacity;
  }
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &usable) && 4 * capacity_of(cpu) >= 3 * greatest) CPU_SET(cpu, chosen);
}

bool choose_listed(const char* list, cpu_set_t* chosen) {
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
    if (last < first || last >= CPU_SETSIZE) return false;
    for (long cpu = first; cpu <= last; ++cpu) CPU_SET(static_cast<int>(cpu), chosen);
    if (*end == '\0') return true;
    if (*end != ',') return false;
    at = end;
  }
}

}  // namespace

bool set_affinity(const char* which, Error* error) {
  cpu_set_t usable, chosen;
  CPU_ZERO(&chosen);
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) return fail(error, kExitRun, "--affinity: %s", std::strerror(errno));
  if (std::strcmp(which, "fast") == 0) choose_fast(usable, &chosen);
  else if (!choose_listed(which, &chosen)) return fail(error, kExitUsage, "--affinity %s: give fast, or CPUs such as 0,4-7", which);
  if (sched_setaffinity(0, sizeof chosen, &chosen) != 0) return fail(error, kExitUsage, "--affinity %s: no such CPUs here (%s)", which, std::strerror(errno));
  return true;
}

#else

bool set_affinity(const char*, Error* error) { return fail(error, kExitUsage, "--affinity is known on Linux alone"); }

#endif

}  // namespace cortado
