// The constants of the deflate format (RFC 1951, section 3.2) and zlib's checksum (RFC 1950).
#pragma once

#include <cstddef>
#include <cstdint>

namespace cortado {

inline constexpr int kMaxCodeLength = 15;
inline constexpr int kLiteralSymbols = 288;
inline constexpr int kEndOfBlock = 256;
inline constexpr int kLengthSymbols = 29;
inline constexpr int kDistanceSymbols = 30;

inline constexpr std::uint16_t kLengthBase[kLengthSymbols] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                              31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
inline constexpr std::uint8_t kLengthExtra[kLengthSymbols] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                              2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
inline constexpr std::uint16_t kDistanceBase[kDistanceSymbols] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
inline constexpr std::uint8_t kDistanceExtra[kDistanceSymbols] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                                                  6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
inline constexpr std::uint8_t kLengthOrder[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

// Codeword length of a literal/length symbol in the fixed code.
constexpr std::uint8_t fixed_length(int symbol) {
  if (symbol < 144) return 8;
  if (symbol < 256) return 9;
  return symbol < 280 ? 7 : 8;
}

// The low `count` bits of `code` in reverse: codewords travel first bit first, all other numbers low bit first.
constexpr std::uint32_t reverse_bits(std::uint32_t code, int count) {
  std::uint32_t reversed = 0;
  for (int i = 0; i < count; ++i) reversed |= (code >> i & 1u) << (count - 1 - i);
  return reversed;
}

inline std::uint32_t adler32(const std::uint8_t* data, std::size_t bytes) {
  std::uint32_t a = 1, b = 0;
  while (bytes > 0) {
    const std::size_t run = bytes < 5552 ? bytes : 5552;  // the most that cannot overflow 32 bits
    for (std::size_t i = 0; i < run; ++i) {
      a += data[i];
      b += a;
    }
    a %= 65521;
    b %= 65521;
    data += run;
    bytes -= run;
  }
  return b << 16 | a;
}

}  // namespace cortado
