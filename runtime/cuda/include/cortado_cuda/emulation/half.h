// __half for the host: IEEE binary16 with round to nearest even, subnormals, infinities and NaN, as the device converts.
#pragma once

#include <cstdint>
#include <cstring>

struct __half {
  std::uint16_t bits;
};

namespace cortado::cuda::emulation {

inline std::uint32_t float_bits(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float bits_float(std::uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/** 65520 is halfway between 65504 (the largest) and 65536: it becomes infinity. 2^-25 is halfway to the least subnormal: zero. */
inline __half half_from_float(float x) {
  const std::uint32_t bits = float_bits(x);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return __half{static_cast<std::uint16_t>(0x7fffu)};
  if (size >= 0x477ff000u) return __half{static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (size < 0x38800000u) {  // below 2^-14: a multiple of 2^-24, which adding 0.5 rounds to
    const std::uint32_t steps = float_bits(bits_float(size) + 0.5f) - 0x3f000000u;
    return __half{static_cast<std::uint16_t>(sign | steps)};
  }
  const std::uint32_t odd = size >> 13 & 1u;
  return __half{static_cast<std::uint16_t>(sign | ((size - 0x38000000u + 0xfffu + odd) >> 13))};
}

inline float half_to_float(__half h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h.bits & 0x8000u) << 16;
  const std::uint32_t size = h.bits & 0x7fffu;
  if (size >= 0x7c00u) return bits_float(sign | 0x7f800000u | (size & 0x3ffu) << 13);
  if (size < 0x0400u) return bits_float(sign | float_bits(static_cast<float>(size) * 5.9604644775390625e-8f));
  return bits_float(sign | ((size << 13) + 0x38000000u));
}

}  // namespace cortado::cuda::emulation
