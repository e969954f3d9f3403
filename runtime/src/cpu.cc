// What the machine can do, asked once in create(), before any instruction that might be missing.
#include "cpu.h"

#if defined(__linux__) && (defined(__aarch64__) || defined(__x86_64__))
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__linux__) && defined(__aarch64__)
#include <sys/auxv.h>
#endif
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace cortado {

namespace {

#if defined(__x86_64__) || defined(__i386__)

struct CpuidLeaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidLeaf cpuid(unsigned leaf, unsigned subleaf) {
  CpuidLeaf r;
  if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return CpuidLeaf{};
  return r;
}

constexpr bool bit(unsigned word, int index) { return (word >> index & 1u) != 0; }

// Registers that the operating system saves (XCR0): bits 1-2 = AVX, 5-7 = AVX-512, 17-18 = AMX tiles.
unsigned saved_registers() {
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Linux hands out tile registers on request only; threads started later inherit the permission.
bool request_amx() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kXfeatureTileData = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureTileData) == 0;
#else
  return false;
#endif
}

std::uint32_t detect(std::uint32_t wanted) {
  const CpuidLeaf base = cpuid(1, 0);
  if (!bit(base.ecx, 27)) return 0;  // no OSXSAVE: none of the wide registers is usable
  const CpuidLeaf extended = cpuid(7, 0);
  const CpuidLeaf extended1 = cpuid(7, 1);
  const unsigned saved = saved_registers();
  const bool ymm = (saved & 0x6) == 0x6;
  const bool zmm = (saved & 0xe6) == 0xe6;
  const bool avx512 = zmm && bit(extended.ebx, 16) && bit(extended.ebx, 30) && bit(extended.ebx, 17) && bit(extended.ebx, 31);
  std::uint32_t found = 0;
  if (ymm && bit(extended.ebx, 5) && bit(base.ecx, 12)) found |= kCpuAvx2Fma;
  if (ymm && bit(base.ecx, 29)) found |= kCpuF16c;
  if (avx512) found |= kCpuAvx512;
  if (avx512 && bit(extended.ecx, 11)) found |= kCpuAvx512Vnni;
  if (avx512 && bit(extended1.eax, 5)) found |= kCpuAvx512Bf16;
  if ((wanted & (kCpuAmxInt8 | kCpuAmxBf16)) != 0 && (saved & 0x60000) == 0x60000 && bit(extended.edx, 24) && request_amx()) {
    if (bit(extended.edx, 25)) found |= kCpuAmxInt8;
    if (bit(extended.edx, 22)) found |= kCpuAmxBf16;
  }
  return found;
}

#elif defined(__aarch64__)

std::uint32_t detect(std::uint32_t) {
  std::uint32_t found = kCpuArmNeon;
#if defined(__linux__)
  const unsigned long words = getauxval(AT_HWCAP);
  const unsigned long words2 = getauxval(AT_HWCAP2);
  if ((words >> 20 & 1) != 0) found |= kCpuArmDotProd;
  if ((words >> 10 & 1) != 0) found |= kCpuArmFp16;
  if ((words2 >> 13 & 1) != 0) found |= kCpuArmI8mm;
#endif
  return found;
}

#else

// Elsewhere the toolchain's target is the machine.
std::uint32_t detect(std::uint32_t wanted) { return wanted; }

#endif

}  // namespace

bool cpu_has(std::uint32_t features) { return features == 0 || (detect(features) & features) == features; }

}  // namespace cortado
