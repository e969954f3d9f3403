// Inflate with one 10-bit table per code and a bitwise walk for the rare longer codewords.
#include <cstring>

#include "deflate_format.h"
#include "deflate.h"

namespace cortado {

namespace {

constexpr int kTableBits = 10;

// Reads little-endian bits; past the end it delivers zeros and remembers.
class BitReader {
 public:
  BitReader(const std::uint8_t* data, std::size_t bytes) : data_(data), end_(data + bytes) {}

  std::uint32_t peek(int count) {
    while (held_ < count) {
      if (data_ < end_) bits_ |= static_cast<std::uint64_t>(*data_++) << held_;
      else ++missing_bytes_;
      held_ += 8;
    }
    return static_cast<std::uint32_t>(bits_ & ((std::uint64_t{1} << count) - 1));
  }

  void skip(int count) {
    bits_ >>= count;
    held_ -= count;
  }

  std::uint32_t take(int count) {
    const std::uint32_t value = peek(count);
    skip(count);
    return value;
  }

  void align_to_byte() { skip(held_ % 8); }

  // False once bits were used that the input does not have.
  bool intact() const { return missing_bytes_ * 8 <= held_; }

 private:
  const std::uint8_t* data_;
  const std::uint8_t* end_;
  std::uint64_t bits_ = 0;
  int held_ = 0;
  int missing_bytes_ = 0;
};

class Code {
 public:
  // False for an over-subscribed code, or an incomplete one of more than one codeword.
  bool build(const std::uint8_t* lengths, int n_symbols) {
    std::memset(count_, 0, sizeof count_);
    for (int s = 0; s < n_symbols; ++s) ++count_[lengths[s]];
    count_[0] = 0;
    int left = 1, used = 0;
    for (int length = 1; length <= kMaxCodeLength; ++length) {
      left = left * 2 - count_[length];
      used += count_[length];
      if (left < 0) return false;
    }
    if (left > 0 && (used > 1 || count_[1] != used)) return false;
    std::uint16_t next[kMaxCodeLength + 2] = {};
    for (int length = 1; length <= kMaxCodeLength; ++length)
      next[length + 1] = static_cast<std::uint16_t>(next[length] + count_[length]);
    for (int s = 0; s < n_symbols; ++s)
      if (lengths[s] != 0) symbols_[next[lengths[s]]++] = static_cast<std::uint16_t>(s);
    fill_table();
    return true;
  }

  // -1 for bits that are no codeword.
  int decode(BitReader& bits) const {
    const std::uint32_t window = bits.peek(kMaxCodeLength);
    const std::uint16_t entry = table_[window & ((1u << kTableBits) - 1)];
    if (entry != 0) {
      bits.skip(entry & 15);
      return entry >> 4;
    }
    int code = 0, first = 0, index = 0;
    for (int length = 1; length <= kMaxCodeLength; ++length) {
      code |= static_cast<int>(window >> (length - 1) & 1u);
      if (code - first < count_[length]) {
        bits.skip(length);
        return symbols_[index + code - first];
      }
      index += count_[length];
      first = (first + count_[length]) * 2;
      code *= 2;
    }
    return -1;
  }

 private:
  // Entry: symbol << 4 | length, at every index whose low bits are the codeword, first bit lowest. 0 = longer or none.
  void fill_table() {
    std::memset(table_, 0, sizeof table_);
    int code = 0, index = 0;
    for (int length = 1; length <= kTableBits; ++length) {
      for (int i = 0; i < count_[length]; ++i, ++code, ++index) {
        const auto entry = static_cast<std::uint16_t>(symbols_[index] << 4 | length);
        for (std::uint32_t at = reverse_bits(static_cast<std::uint32_t>(code), length); at < (1u << kTableBits);
             at += 1u << length)
          table_[at] = entry;
      }
      code *= 2;
    }
  }

  std::uint16_t count_[kMaxCodeLength + 1];
  std::uint16_t symbols_[kLiteralSymbols];
  std::uint16_t table_[1 << kTableBits];
};

struct Output {
  std::uint8_t* data;
  std::size_t size;
  std::size_t at;
};

bool read_stored(BitReader& bits, Output& out) {
  bits.align_to_byte();
  const std::uint32_t length = bits.take(16);
  const std::uint32_t complement = bits.take(16);
  if ((length ^ complement) != 0xffff || length > out.size - out.at) return false;
  for (std::uint32_t i = 0; i < length; ++i) out.data[out.at++] = static_cast<std::uint8_t>(bits.take(8));
  return bits.intact();
}

bool read_compressed(BitReader& bits, const Code& literals, const Code& distances, Output& out) {
  for (;;) {
    const int symbol = literals.decode(bits);
    if (symbol < 0 || !bits.intact()) return false;
    if (symbol == kEndOfBlock) return true;
    if (symbol < kEndOfBlock) {
      if (out.at == out.size) return false;
      out.data[out.at++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    const int l = symbol - kEndOfBlock - 1;
    if (l >= kLengthSymbols) return false;
    const std::size_t length = kLengthBase[l] + bits.take(kLengthExtra[l]);
    const int d = distances.decode(bits);
    if (d < 0 || d >= kDistanceSymbols) return false;
    const std::size_t distance = kDistanceBase[d] + bits.take(kDistanceExtra[d]);
    if (!bits.intact() || distance > out.at || length > out.size - out.at) return false;
    for (std::size_t i = 0; i < length; ++i, ++out.at) out.data[out.at] = out.data[out.at - distance];
  }
}

bool read_codes(BitReader& bits, Code* literals, Code* distances) {
  const int n_literals = static_cast<int>(bits.take(5)) + 257;
  const int n_distances = static_cast<int>(bits.take(5)) + 1;
  const int n_lengths = static_cast<int>(bits.take(4)) + 4;
  if (n_literals > 286 || n_distances > kDistanceSymbols) return false;
  std::uint8_t lengths[286 + kDistanceSymbols] = {};
  for (int i = 0; i < n_lengths; ++i) lengths[kLengthOrder[i]] = static_cast<std::uint8_t>(bits.take(3));
  Code& meta = *literals;  // used up before the literals are built
  if (!meta.build(lengths, 19)) return false;
  std::memset(lengths, 0, sizeof lengths);
  const int total = n_literals + n_distances;
  for (int i = 0; i < total;) {
    const int symbol = meta.decode(bits);
    if (symbol < 0 || !bits.intact()) return false;
    if (symbol < 16) {
      lengths[i++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && i == 0) return false;
    const std::uint8_t value = symbol == 16 ? lengths[i - 1] : 0;
    int repeat = 0;
    if (symbol == 16) repeat = 3 + static_cast<int>(bits.take(2));
    else if (symbol == 17) repeat = 3 + static_cast<int>(bits.take(3));
    else repeat = 11 + static_cast<int>(bits.take(7));
    if (repeat > total - i) return false;
    for (; repeat > 0; --repeat) lengths[i++] = value;
  }
  if (lengths[kEndOfBlock] == 0) return false;
  return literals->build(lengths, n_literals) && distances->build(lengths + n_literals, n_distances);
}

bool read_block(BitReader& bits, std::uint32_t kind, Output& out) {
  if (kind == 0) return read_stored(bits, out);
  Code literals, distances;
  if (kind == 1) {
    std::uint8_t lengths[kLiteralSymbols];
    for (int s = 0; s < kLiteralSymbols; ++s) lengths[s] = fixed_length(s);
    if (!literals.build(lengths, kLiteralSymbols)) return false;
    std::memset(lengths, 5, 32);
    if (!distances.build(lengths, 32)) return false;
  } else if (kind != 2 || !read_codes(bits, &literals, &distances)) {
    return false;
  }
  return read_compressed(bits, literals, distances, out);
}

}  // namespace

bool inflate_zlib(const std::uint8_t* in, std::size_t in_bytes, std::uint8_t* out, std::size_t out_bytes) {
  if (in_bytes < 6) return false;
  const bool deflated = (in[0] & 15) == 8 && in[0] >> 4 <= 7;
  const bool checked = (in[0] * 256 + in[1]) % 31 == 0;
  const bool dictionary = (in[1] & 32) != 0;
  if (!deflated || !checked || dictionary) return false;
  BitReader bits(in + 2, in_bytes - 2);
  Output output{out, out_bytes, 0};
  bool last = false;
  while (!last) {
    last = bits.take(1) != 0;
    const std::uint32_t kind = bits.take(2);
    if (!bits.intact() || !read_block(bits, kind, output)) return false;
  }
  if (output.at != out_bytes) return false;
  bits.align_to_byte();
  std::uint32_t sum = 0;
  for (int i = 0; i < 4; ++i) sum = sum << 8 | bits.take(8);
  return bits.intact() && sum == adler32(out, out_bytes);
}

}  // namespace cortado
