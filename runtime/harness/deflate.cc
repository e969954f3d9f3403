// Deflate with the fixed code and greedy matches from short hash chains: small code, good enough for pictures.
#include "deflate.h"

#include <cstring>

#include "deflate_format.h"

namespace cortado {

namespace {

constexpr std::size_t kWindow = 32768;
constexpr std::size_t kMinMatch = 3;
constexpr std::size_t kMaxMatch = 258;
constexpr int kHashBits = 15;
constexpr int kLongestChain = 32;
constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

class BitWriter {
 public:
  explicit BitWriter(Bytes* out) : out_(out) {}

  void put(std::uint32_t value, int count) {
    bits_ |= static_cast<std::uint64_t>(value) << held_;
    for (held_ += count; held_ >= 8; held_ -= 8, bits_ >>= 8) {
      const auto byte = static_cast<std::uint8_t>(bits_);
      good_ = out_->append(&byte, 1) && good_;
    }
  }

  void put_literal(int symbol) {
    const int length = fixed_length(symbol);
    int code = 0;
    if (symbol < 144) code = 0x30 + symbol;
    else if (symbol < 256) code = 0x190 + symbol - 144;
    else if (symbol < 280) code = symbol - 256;
    else code = 0xc0 + symbol - 280;
    put(reverse_bits(static_cast<std::uint32_t>(code), length), length);
  }

  void put_match(std::size_t length, std::size_t distance) {
    int l = kLengthSymbols - 1;
    while (length < kLengthBase[l]) --l;
    put_literal(kEndOfBlock + 1 + l);
    put(static_cast<std::uint32_t>(length - kLengthBase[l]), kLengthExtra[l]);
    int d = kDistanceSymbols - 1;
    while (distance < kDistanceBase[d]) --d;
    put(reverse_bits(static_cast<std::uint32_t>(d), 5), 5);
    put(static_cast<std::uint32_t>(distance - kDistanceBase[d]), kDistanceExtra[d]);
  }

  bool finish() {
    if (held_ > 0) put(0, 8 - held_);
    return good_;
  }

 private:
  Bytes* out_;
  std::uint64_t bits_ = 0;
  int held_ = 0;
  bool good_ = true;
};

std::uint32_t hash_of(const std::uint8_t* p) {
  const std::uint32_t three = static_cast<std::uint32_t>(p[0]) | static_cast<std::uint32_t>(p[1]) << 8 |
                              static_cast<std::uint32_t>(p[2]) << 16;
  return three * 2654435761u >> (32 - kHashBits);
}

// Positions of earlier bytes by hash: newest[hash], then previous[position % window] and so on.
class Matcher {
 public:
  bool allocate() {
    if (!newest_.resize(sizeof(std::uint32_t) << kHashBits) || !previous_.resize(sizeof(std::uint32_t) * kWindow)) return false;
    std::memset(newest_.data(), 0xff, newest_.size());
    return true;
  }

  void add(const std::uint8_t* in, std::size_t at) {
    std::uint32_t& head = newest()[hash_of(in + at)];
    previous()[at % kWindow] = head;
    head = static_cast<std::uint32_t>(at);
  }

  // The longest match for in[at..], at least kMinMatch long; 0 if there is none.
  std::size_t find(const std::uint8_t* in, std::size_t at, std::size_t size, std::size_t* distance) {
    const std::size_t limit = size - at < kMaxMatch ? size - at : kMaxMatch;
    std::size_t best = kMinMatch - 1;
    std::uint32_t candidate = newest()[hash_of(in + at)];
    for (int step = 0; step < kLongestChain && candidate != kNowhere && at - candidate <= kWindow; ++step) {
      std::size_t length = 0;
      while (length < limit && in[candidate + length] == in[at + length]) ++length;
      if (length > best) {
        best = length;
        *distance = at - candidate;
        if (best == limit) break;
      }
      const std::uint32_t older = previous()[candidate % kWindow];
      if (older != kNowhere && older >= candidate) break;  // a slot of the ring that was written again
      candidate = older;
    }
    return best >= kMinMatch ? best : 0;
  }

 private:
  std::uint32_t* newest() { return reinterpret_cast<std::uint32_t*>(newest_.data()); }
  std::uint32_t* previous() { return reinterpret_cast<std::uint32_t*>(previous_.data()); }

  Bytes newest_;
  Bytes previous_;
};

}  // namespace

bool deflate_zlib(const std::uint8_t* in, std::size_t in_bytes, Bytes* out) {
  Matcher matcher;
  if (in_bytes >= kNowhere || !matcher.allocate()) return false;
  const std::uint8_t head[2] = {0x78, 0x01};
  if (!out->append(head, 2)) return false;
  BitWriter bits(out);
  bits.put(1, 1);  // one block, the last
  bits.put(1, 2);  // in the fixed code
  std::size_t at = 0;
  while (at < in_bytes) {
    const bool hashable = in_bytes - at >= kMinMatch;
    std::size_t distance = 0;
    const std::size_t length = hashable ? matcher.find(in, at, in_bytes, &distance) : 0;
    if (length > 0) bits.put_match(length, distance);
    else bits.put_literal(in[at]);
    const std::size_t next = at + (length > 0 ? length : 1);
    for (; at < next; ++at)
      if (in_bytes - at >= kMinMatch) matcher.add(in, at);
  }
  bits.put_literal(kEndOfBlock);
  if (!bits.finish()) return false;
  const std::uint32_t sum = adler32(in, in_bytes);
  const std::uint8_t tail[4] = {static_cast<std::uint8_t>(sum >> 24), static_cast<std::uint8_t>(sum >> 16),
                                static_cast<std::uint8_t>(sum >> 8), static_cast<std::uint8_t>(sum)};
  return out->append(tail, 4);
}

}  // namespace cortado
