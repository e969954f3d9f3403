#include "affinity.h"

#include "cortado/cpus.h"

namespace cortado {

bool set_affinity(const char* which, Error* error) {
#if defined(__linux__)
  CpuSet chosen;
  if (!choose_cpus(which, own_cpus(), &chosen)) return fail(error, kExitUsage, "--affinity %s: give fast, all, or CPUs of this process such as 0,4-7", which);
  return bind_thread(chosen) || fail(error, kExitRun, "--affinity %s: the system refuses", which);
#else
  return fail(error, kExitUsage, "--affinity %s: known on Linux alone", which);
#endif
}

}  // namespace cortado
