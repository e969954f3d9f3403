#include "allocation_trap.h"

#if CORTADO_TRAP_ALLOCATIONS

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <sys/types.h>
#include <unistd.h>

namespace {

std::atomic<bool> trapped{false};

void note(const char* name, std::size_t length) {
  if (!trapped.load(std::memory_order_relaxed)) return;
  const ssize_t written = write(STDERR_FILENO, name, length);
  (void)written;
  std::abort();
}

}  // namespace

namespace cortado {
void trap_allocations(bool on) { trapped.store(on); }
}  // namespace cortado

#define NOTE(name) note(name " during a run\n", sizeof name " during a run\n" - 1)

extern "C" {

void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* block, std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
int __real_posix_memalign(void** block, std::size_t alignment, std::size_t size);
void* __real_mmap(void* address, std::size_t size, int protection, int flags, int file, off_t offset);

void* __wrap_malloc(std::size_t size) { return NOTE("malloc"), __real_malloc(size); }
void* __wrap_calloc(std::size_t count, std::size_t size) { return NOTE("calloc"), __real_calloc(count, size); }
void* __wrap_realloc(void* block, std::size_t size) { return NOTE("realloc"), __real_realloc(block, size); }
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return NOTE("aligned_alloc"), __real_aligned_alloc(alignment, size);
}
int __wrap_posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  return NOTE("posix_memalign"), __real_posix_memalign(block, alignment, size);
}
void* __wrap_mmap(void* address, std::size_t size, int protection, int flags, int file, off_t offset) {
  return NOTE("mmap"), __real_mmap(address, size, protection, flags, file, offset);
}

}  // extern "C"

#endif
