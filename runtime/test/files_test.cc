// The harness's file formats: round trips, every kind of PNG, and mutated files, which may fail but never misbehave
// (run under AddressSanitizer and UBSan).
#include <cstring>
#include <initializer_list>

#include "../harness/deflate.h"
#include "../harness/image.h"
#include "../harness/npy.h"
#include "check.h"
#include "cortado/weights.h"

namespace {

using namespace cortado;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33);
  }
  std::uint32_t below(std::size_t n) { return n == 0 ? 0 : next() % static_cast<std::uint32_t>(n); }

 private:
  std::uint64_t state_;
};

void put(Bytes* out, const void* data, std::size_t size) { CHECK(out->append(data, size)); }
void put_byte(Bytes* out, std::uint32_t value) {
  const auto byte = static_cast<std::uint8_t>(value);
  put(out, &byte, 1);
}
void put_u32(Bytes* out, std::uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) put_byte(out, static_cast<std::uint32_t>(value >> shift & 0xff));
}

void put_chunk(Bytes* out, const char* type, const std::uint8_t* body, std::size_t size) {
  put_u32(out, size);
  const std::size_t from = out->size();
  put(out, type, 4);
  put(out, body, size);
  put_u32(out, crc32(out->data() + from, size + 4));
}

// Flips bits, cuts, repeats: `strength` edits.
void mutate(const Bytes& from, Random& random, int strength, Bytes* to) {
  to->clear();
  put(to, from.data(), from.size());
  for (int i = 0; i < strength && to->size() > 0; ++i) {
    const std::uint32_t at = random.below(to->size());
    switch (random.below(4)) {
      case 0: (*to)[at] ^= static_cast<std::uint8_t>(1u << random.below(8)); break;
      case 1: (*to)[at] = static_cast<std::uint8_t>(random.next()); break;
      case 2: to->resize(at); break;
      default: {
        const std::uint32_t other = random.below(to->size());
        (*to)[at] = (*to)[other];
      }
    }
  }
}

void test_zlib_round_trips() {
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    Bytes in, packed, out;
    const std::size_t size = i < 5 ? static_cast<std::size_t>(i) : random.below(100000);
    in.resize(size + 1);
    const std::uint32_t alphabet = 1 + random.below(i % 2 != 0 ? 255 : 3);
    for (std::size_t k = 0; k < size; ++k) in[k] = static_cast<std::uint8_t>(random.below(alphabet + 1));
    CHECK(deflate_zlib(in.data(), size, &packed));
    out.resize(size + 1);
    CHECK(inflate_zlib(packed.data(), packed.size(), out.data(), size));
    CHECK(std::memcmp(in.data(), out.data(), size) == 0);
    CHECK(!inflate_zlib(packed.data(), packed.size(), out.data(), size + 1));
    CHECK(size == 0 || !inflate_zlib(packed.data(), packed.size(), out.data(), size - 1));
    CHECK(!inflate_zlib(packed.data(), packed.size() - 1, out.data(), size));
  }
}

// "abc" as zlib writes it, stored and in the fixed code. (Dynamic codes: test/harness.test.ts reads PNGs by another hand.)
void test_zlib_foreign() {
  const std::uint8_t stored[] = {0x78, 0x01, 0x01, 0x03, 0x00, 0xfc, 0xff, 'a', 'b', 'c', 0x02, 0x4d, 0x01, 0x27};
  std::uint8_t out[3];
  CHECK(inflate_zlib(stored, sizeof stored, out, 3) && std::memcmp(out, "abc", 3) == 0);
  const std::uint8_t fixed[] = {0x78, 0x9c, 0x4b, 0x4c, 0x4a, 0x06, 0x00, 0x02, 0x4d, 0x01, 0x27};
  CHECK(inflate_zlib(fixed, sizeof fixed, out, 3) && std::memcmp(out, "abc", 3) == 0);
  CHECK(!inflate_zlib(fixed, 4, out, 3));
}

void test_zlib_hostile() {
  Random random(2);
  Bytes in, packed, bad, out;
  in.resize(3000);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint8_t>(random.below(4) * 50);
  CHECK(deflate_zlib(in.data(), in.size(), &packed));
  out.resize(in.size());
  for (int i = 0; i < 20000; ++i) {
    if (i % 2 == 0) {
      mutate(packed, random, 1 + i % 5, &bad);
    } else {  // random bits behind a valid head: dynamic codes too
      bad.resize(2 + random.below(200));
      for (std::size_t k = 0; k < bad.size(); ++k) bad[k] = static_cast<std::uint8_t>(random.next());
      if (bad.size() >= 3) bad[2] = static_cast<std::uint8_t>((bad[2] & 0xf8) | 5);
      bad[0] = 0x78;
      bad[1] = 0x01;
    }
    if (inflate_zlib(bad.data(), bad.size(), out.data(), out.size()))
      CHECK(std::memcmp(in.data(), out.data(), in.size()) == 0);  // the checksum lets nothing else through
  }
}

void make_image(Random& random, int channels, Image* image) {
  image->width = 1 + random.below(40);
  image->height = 1 + random.below(30);
  image->channels = channels;
  image->rgba.resize(static_cast<std::size_t>(image->width * image->height) * 4);
  for (std::size_t p = 0; p < image->rgba.size(); p += 4) {
    for (std::size_t c = 0; c < 3; ++c)
      image->rgba[p + c] = channels == 1 && c > 0 ? image->rgba[p] : static_cast<std::uint8_t>(p / 16 + random.below(20) + 30 * c);
    image->rgba[p + 3] = channels == 4 ? static_cast<std::uint8_t>(random.next()) : 255;
  }
}

bool same(const Image& a, const Image& b) {
  return a.width == b.width && a.height == b.height && a.channels == b.channels && a.rgba.size() == b.rgba.size() &&
         std::memcmp(a.rgba.data(), b.rgba.data(), a.rgba.size()) == 0;
}

void test_image_round_trips() {
  Random random(3);
  for (int i = 0; i < 150; ++i) {
    Image image, back;
    Bytes file;
    Error error;
    make_image(random, i % 3 == 0 ? 1 : i % 3 == 1 ? 3 : 4, &image);
    CHECK(encode_image(image, "x.png", &file, &error) && decode_image(file, "x.png", &back, &error));
    CHECK(same(image, back));
    if (image.channels == 4) continue;
    Image again;
    file.clear();
    CHECK(encode_image(image, "x.ppm", &file, &error) && decode_image(file, "x.ppm", &again, &error));
    CHECK(same(image, again));
    file.resize(file.size() - 1);
    CHECK(!decode_image(file, "x.ppm", &again, &error));
  }
}

// A PNG of any kind whose samples are the low bits of (7x + 3y + c), interlaced or not; filter 0.
struct Kind {
  std::uint32_t depth, color, interlace;
  std::uint32_t samples() const { return color == 2 ? 3 : color == 4 ? 2 : color == 6 ? 4 : 1; }
};

std::uint32_t sample_of(const Kind& kind, std::uint32_t x, std::uint32_t y, std::uint32_t c) {
  return (7 * x + 3 * y + 50 * c) & ((1u << kind.depth) - 1);
}

void put_rows(const Kind& kind, std::uint32_t width, std::uint32_t height, const std::uint32_t grid[4], Bytes* raw) {
  for (std::uint32_t y = grid[1]; y < height && width > grid[0]; y += grid[3]) {
    put_byte(raw, 0);
    std::uint32_t bits = 0, held = 0;
    for (std::uint32_t x = grid[0]; x < width; x += grid[2])
      for (std::uint32_t c = 0; c < kind.samples(); ++c) {
        bits = bits << kind.depth | sample_of(kind, x, y, c);
        for (held += kind.depth; held >= 8; held -= 8) put_byte(raw, bits >> (held - 8) & 0xff);
      }
    if (held > 0) put_byte(raw, bits << (8 - held) & 0xff);
  }
}

void make_png(const Kind& kind, std::uint32_t width, std::uint32_t height, Bytes* file) {
  constexpr std::uint32_t kGrids[8][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                          {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}, {0, 0, 1, 1}};
  Bytes raw, data, header;
  for (int g = kind.interlace != 0 ? 0 : 7; g < (kind.interlace != 0 ? 7 : 8); ++g) put_rows(kind, width, height, kGrids[g], &raw);
  CHECK(deflate_zlib(raw.data(), raw.size(), &data));
  put(file, "\x89PNG\r\n\x1a\n", 8);
  put_u32(&header, width);
  put_u32(&header, height);
  for (const std::uint32_t byte : {kind.depth, kind.color, 0u, 0u, kind.interlace}) put_byte(&header, byte);
  put_chunk(file, "IHDR", header.data(), header.size());
  std::uint8_t palette[768];
  for (std::size_t i = 0; i < 768; ++i) palette[i] = static_cast<std::uint8_t>(i / 3 * 5 + i % 3);
  if (kind.color == 3) put_chunk(file, "PLTE", palette, 3u << kind.depth);
  put_chunk(file, "tEXt", palette, 5);
  put_chunk(file, "IDAT", data.data(), data.size() / 2);
  put_chunk(file, "IDAT", data.data() + data.size() / 2, data.size() - data.size() / 2);
  put_chunk(file, "IEND", nullptr, 0);
}

std::uint32_t expected_value(const Kind& kind, std::uint32_t x, std::uint32_t y, std::uint32_t c) {
  if (kind.color == 3) return (sample_of(kind, x, y, 0) * 5 + c) & 0xff;
  const bool gray = kind.color == 0 || kind.color == 4;
  const std::uint32_t value = sample_of(kind, x, y, c == 3 ? kind.samples() - 1 : gray ? 0 : c);
  return kind.depth == 16 ? value >> 8 : value * 255 / ((1u << kind.depth) - 1);
}

constexpr Kind kKinds[] = {{1, 0, 0}, {2, 0, 0}, {4, 0, 0}, {8, 0, 0}, {16, 0, 0}, {8, 2, 0}, {16, 2, 0}, {1, 3, 0},
                           {2, 3, 0}, {4, 3, 0}, {8, 3, 0}, {8, 4, 0}, {16, 4, 0}, {8, 6, 0}, {16, 6, 0}};

void test_png_kinds() {
  for (Kind kind : kKinds)
    for (const std::uint32_t width : {1u, 3u, 4u, 9u, 33u})
      for (kind.interlace = 0; kind.interlace < 2; ++kind.interlace) {
        const std::uint32_t height = width == 4 ? 1 : width + 2;
        Bytes file;
        Image image;
        Error error;
        make_png(kind, width, height, &file);
        CHECK(decode_image(file, "kind.png", &image, &error));
        CHECK(image.width == width && image.height == height);
        std::uint32_t wrong = 0;
        for (std::uint32_t y = 0; y < height; ++y)
          for (std::uint32_t x = 0; x < width; ++x)
            for (std::uint32_t c = 0; c < (kind.color >= 4 ? 4 : 3); ++c)
              wrong += image.rgba[(y * width + x) * 4 + c] != expected_value(kind, x, y, c);
        CHECK(wrong == 0);
      }
}

// Recomputes the checksums of a mutated PNG, so that the mutation reaches what lies behind them.
void mend_checksums(Bytes* file) {
  for (std::size_t at = 8; file->size() >= 12 && at <= file->size() - 12;) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | (*file)[at + i];
    if (length > file->size() - at - 12) return;
    const std::uint32_t crc = crc32(file->data() + at + 4, length + 4);
    for (std::size_t i = 0; i < 4; ++i) (*file)[at + 8 + length + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    at += 12 + length;
  }
}

void test_png_hostile() {
  Random random(4);
  Bytes bad;
  for (int i = 0; i < 15000; ++i) {
    Kind kind = kKinds[random.below(sizeof kKinds / sizeof kKinds[0])];
    kind.interlace = random.below(2);
    Bytes file;
    Image image;
    Error error;
    make_png(kind, 1 + random.below(12), 1 + random.below(12), &file);
    mutate(file, random, 1 + i % 4, &bad);
    if (i % 4 != 0) mend_checksums(&bad);
    if (!decode_image(bad, "bad.png", &image, &error)) CHECK(error.exit_code == kExitRun && error.text[0] != '\0');
    else CHECK(image.rgba.size() == static_cast<std::size_t>(image.width * image.height) * 4);
  }
  // A header that promises 2^31 pixels must not allocate them.
  Bytes file;
  Image image;
  Error error;
  make_png({8, 6, 0}, 1, 1, &file);
  for (std::size_t i : {18u, 22u}) file[i] = 0x40;
  mend_checksums(&file);
  CHECK(!decode_image(file, "huge.png", &image, &error) && image.rgba.size() == 0);
}

void test_pnm_hostile() {
  Random random(5);
  Image image;
  Bytes file, bad;
  Error error;
  make_image(random, 3, &image);
  CHECK(encode_pnm(image, &file));
  for (int i = 0; i < 5000; ++i) {
    Image out;
    Error e;
    mutate(file, random, 1 + i % 6, &bad);
    if (!decode_image(bad, "bad.ppm", &out, &e)) CHECK(e.text[0] != '\0');
  }
  const char huge[] = "P6 99999999999999999999 9 255\n";
  CHECK(!decode_pnm(reinterpret_cast<const std::uint8_t*>(huge), sizeof huge - 1, "huge.ppm", &image, &error));
}

void test_npy() {
  const std::int32_t dtypes[] = {CORTADO_FLOAT32, CORTADO_FLOAT64, CORTADO_FLOAT16, CORTADO_INT8,  CORTADO_UINT8,
                                 CORTADO_INT16,   CORTADO_UINT16,  CORTADO_INT32,   CORTADO_INT64, CORTADO_BOOL};
  Random random(6);
  std::uint8_t data[8 * 24];
  for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random.next());
  for (const std::int32_t dtype : dtypes)
    for (int rank = 0; rank <= CORTADO_MAX_RANK; ++rank) {
      cortado_tensor tensor{data, 0, dtype, rank, {2, 3, 1, 2, 1, 1, 2, 1}}, back{};
      std::size_t bytes = cortado_dtype_bytes(dtype);
      for (int d = 0; d < rank; ++d) bytes *= static_cast<std::size_t>(tensor.dims[d]);
      Bytes file;
      Error error;
      CHECK(format_npy(tensor, &file) && file.size() % 64 == bytes % 64);
      CHECK(parse_npy(file, "x.npy", &back, &error));
      CHECK(back.dtype == dtype && back.rank == rank && back.size_bytes == bytes && std::memcmp(back.data, data, bytes) == 0);
      file.resize(file.size() - 1);
      CHECK(!parse_npy(file, "x.npy", &back, &error));
    }
  cortado_tensor empty{data, 0, CORTADO_FLOAT32, 2, {0, 5}}, back{};
  Bytes file, bad;
  Error error;
  CHECK(format_npy(empty, &file) && parse_npy(file, "x.npy", &back, &error) && back.size_bytes == 0 && back.dims[1] == 5);
  cortado_tensor tensor{data, 0, CORTADO_FLOAT32, 3, {2, 3, 4}};
  file.clear();
  CHECK(format_npy(tensor, &file));
  for (int i = 0; i < 20000; ++i) {
    Error e;
    mutate(file, random, 1 + i % 5, &bad);
    if (!parse_npy(bad, "bad.npy", &back, &e)) {
      CHECK(e.text[0] != '\0');
      continue;
    }
    const auto* const begin = static_cast<const std::uint8_t*>(back.data);
    CHECK(begin >= bad.data() && begin + back.size_bytes <= bad.data() + bad.size());
  }
}

void test_crc32() {
  CHECK(crc32("123456789", 9) == 0xcbf43926u);
  CHECK(crc32("6789", 4, crc32("12345", 5)) == 0xcbf43926u);
  CHECK(crc32("", 0) == 0);
}

}  // namespace

int main() {
  test_crc32();
  test_zlib_round_trips();
  test_zlib_foreign();
  test_zlib_hostile();
  test_image_round_trips();
  test_png_kinds();
  test_png_hostile();
  test_pnm_hostile();
  test_npy();
  return check_result();
}
