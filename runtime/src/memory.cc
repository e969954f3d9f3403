// Linux: large memory is a mapping of its own. Its whole 2 MB pieces are advised to be huge pages (fewer faults, fewer misses
// of translations), and all of it is made present in one call instead of a fault per page, unless it is so large that bounds
// of sizes rather than data may fill it; systems that know neither give ordinary memory. Elsewhere, and under the address sanitizer, which watches the heap's borders: the heap.
#include "memory.h"

#include "cortado/part.h"

#ifndef CORTADO_HEAP
#define CORTADO_HEAP (CORTADO_HOSTED && __STDC_HOSTED__)
#endif

#if CORTADO_HEAP
#include <cstdlib>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define CORTADO_MAPPINGS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORTADO_MAPPINGS 0
#endif
#endif
#if !defined(CORTADO_MAPPINGS) && defined(__linux__) && CORTADO_HEAP
#define CORTADO_MAPPINGS 1
#include <sys/mman.h>
#endif

namespace cortado {

#if defined(CORTADO_MAPPINGS) && CORTADO_MAPPINGS

namespace {

constexpr std::size_t kMappedFrom = std::size_t{1} << 18;
constexpr std::size_t kHugePage = std::size_t{1} << 21;
constexpr std::size_t kPresentUpTo = std::size_t{1} << 28;
constexpr std::size_t kLargestPage = std::size_t{1} << 16;  // of ordinary pages, on any CPU
constexpr int kPopulateWrite = 23;                          // MADV_POPULATE_WRITE: Linux 5.14, younger than some headers

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

void* allocate_memory(std::size_t bytes) {
  if (bytes < kMappedFrom) return std::malloc(bytes);
  const std::size_t kept = round_up(bytes, kLargestPage);
  const std::size_t spare = kept >= kHugePage ? kHugePage : 0;
  if (kept < bytes || kept + spare < kept) return nullptr;
  void* const mapped = mmap(nullptr, kept + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* begin = static_cast<char*>(mapped);
  if (spare > 0) {
    const auto address = reinterpret_cast<std::size_t>(mapped);
    const std::size_t before = round_up(address, kHugePage) - address;
    if (before > 0) munmap(begin, before);
    if (spare > before) munmap(begin + before + kept, spare - before);
    begin += before;
    madvise(begin, kept / kHugePage * kHugePage, MADV_HUGEPAGE);
  }
  if (kept <= kPresentUpTo) madvise(begin, kept, kPopulateWrite);
  return begin;
}

void free_memory(void* memory, std::size_t bytes) {
  if (bytes < kMappedFrom) std::free(memory);
  else if (memory != nullptr) munmap(memory, round_up(bytes, kLargestPage));
}

#elif CORTADO_HEAP

void* allocate_memory(std::size_t bytes) { return std::malloc(bytes); }
void free_memory(void* memory, std::size_t) { std::free(memory); }

#else  // callers bring memory

void* allocate_memory(std::size_t) { return nullptr; }
void free_memory(void*, std::size_t) {}

#endif

}  // namespace cortado
