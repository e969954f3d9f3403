// Proof that a run allocates nothing. Build with -DCORTADO_TRAP_ALLOCATIONS=1, this file's .cc, and
// -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=posix_memalign,--wrap=mmap:
// an allocation by generated code or runtime while the trap is set prints its name and aborts.
#pragma once

#ifndef CORTADO_TRAP_ALLOCATIONS
#define CORTADO_TRAP_ALLOCATIONS 0
#endif

namespace cortado {

#if CORTADO_TRAP_ALLOCATIONS
void trap_allocations(bool on);
#else
inline void trap_allocations(bool) {}
#endif

}  // namespace cortado
