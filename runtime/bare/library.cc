// The C library's functions that the compiler calls on its own or that kernels use, so that an image needs no C library: four
// of memory, and rounding and remainders of floats where the FPU has no instruction for them. All exact.
#include <cstddef>
#include <cstdint>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes);
void* memmove(void* to, const void* from, std::size_t bytes);
void* memset(void* to, int value, std::size_t bytes);
int memcmp(const void* a, const void* b, std::size_t bytes);
float floorf(float x);
float ceilf(float x);
float rintf(float x);
float fmodf(float x, float y);
float sqrtf(float x);

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

std::uint32_t bits_of(float x) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

float float_of(std::uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

constexpr float kWhole = 8388608.0f;  // 2^23: from here on every float is whole

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

// -0.25 goes to -1, -0.0 and NaN stay.
float floorf(float x) {
  if (!(__builtin_fabsf(x) < kWhole)) return x;
  const float whole = static_cast<float>(static_cast<std::int32_t>(x));
  return __builtin_copysignf(whole > x ? whole - 1.0f : whole, x);
}

float ceilf(float x) { return -floorf(-x); }

// Ties to even: adding 2^23 leaves no room for a fraction.
float rintf(float x) {
  if (!(__builtin_fabsf(x) < kWhole)) return x;
  const float shift = __builtin_copysignf(kWhole, x);
  volatile float sum = x + shift;
  return __builtin_copysignf(sum - shift, x);
}

// Long division of the significands, one bit at a time: exact as C wants it.
float fmodf(float x, float y) {
  const std::uint32_t sign = bits_of(x) & 0x80000000u;
  std::uint32_t a = bits_of(x) & 0x7fffffffu, b = bits_of(y) & 0x7fffffffu;
  if (a >= 0x7f800000u || b > 0x7f800000u || b == 0) return __builtin_nanf("");
  if (a < b) return x;
  int exponent_a = static_cast<int>(a >> 23), exponent_b = static_cast<int>(b >> 23);
  std::uint32_t m = a & 0x7fffffu, n = b & 0x7fffffu;
  if (exponent_a == 0) exponent_a = 1;
  else m |= 0x800000u;
  if (exponent_b == 0) exponent_b = 1;
  else n |= 0x800000u;
  for (; exponent_a > exponent_b; --exponent_a) {
    if (m >= n) m -= n;
    m <<= 1;
  }
  if (m >= n) m -= n;
  if (m == 0) return float_of(sign);
  for (; m < 0x800000u && exponent_b > 1; --exponent_b) m <<= 1;
  const std::uint32_t bits = m < 0x800000u ? m : (m & 0x7fffffu) | static_cast<std::uint32_t>(exponent_b) << 23;
  return float_of(sign | bits);
}

float sqrtf(float x) {
  float root;
  __asm__("vsqrt.f32 %0, %1" : "=t"(root) : "t"(x));
  return root;
}

}  // extern "C"
