// The C library's functions of memory, which the compiler calls on its own, so that an image needs no C library.
#include <cstddef>
#include <cstdint>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes);
void* memmove(void* to, const void* from, std::size_t bytes);
void* memset(void* to, int value, std::size_t bytes);
int memcmp(const void* a, const void* b, std::size_t bytes);

}  // extern "C"

namespace {

// Words where both pointers allow it: the copies of a net's run are of floats.
bool both_aligned(const void* a, const void* b) {
  return ((reinterpret_cast<std::uintptr_t>(a) | reinterpret_cast<std::uintptr_t>(b)) & 3) == 0;
}

using Word __attribute__((may_alias)) = std::uint32_t;

// Moved by one load and one store of four registers.
struct __attribute__((may_alias)) Block {
  std::uint32_t words[4];
};

// From here on the compiler must not turn loops into calls of the functions they implement.
#pragma GCC push_options
#pragma GCC optimize("no-tree-loop-distribute-patterns")

void copy_up(void* to, const void* from, std::size_t bytes) {
  auto* t = static_cast<unsigned char*>(to);
  const auto* f = static_cast<const unsigned char*>(from);
  if (both_aligned(to, from)) {
    for (; bytes >= 16; bytes -= 16, t += 16, f += 16) *reinterpret_cast<Block*>(t) = *reinterpret_cast<const Block*>(f);
    for (; bytes >= 4; bytes -= 4, t += 4, f += 4) *reinterpret_cast<Word*>(t) = *reinterpret_cast<const Word*>(f);
  }
  for (; bytes > 0; --bytes) *t++ = *f++;
}

}  // namespace

extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes) {
  copy_up(to, from, bytes);
  return to;
}

void* memmove(void* to, const void* from, std::size_t bytes) {
  if (reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from) >= bytes) {
    copy_up(to, from, bytes);
    return to;
  }
  auto* t = static_cast<unsigned char*>(to);
  const auto* f = static_cast<const unsigned char*>(from);
  while (bytes > 0) {
    --bytes;
    t[bytes] = f[bytes];
  }
  return to;
}

void* memset(void* to, int value, std::size_t bytes) {
  auto* t = static_cast<unsigned char*>(to);
  const auto byte = static_cast<unsigned char>(value);
  if (both_aligned(to, nullptr)) {
    const std::uint32_t word = byte * 0x01010101u;
    for (; bytes >= 4; bytes -= 4, t += 4) *reinterpret_cast<Word*>(t) = word;
  }
  for (; bytes > 0; --bytes) *t++ = byte;
  return to;
}

int memcmp(const void* a, const void* b, std::size_t bytes) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (; bytes > 0; --bytes, ++x, ++y)
    if (*x != *y) return *x - *y;
  return 0;
}

#pragma GCC pop_options

}  // extern "C"
