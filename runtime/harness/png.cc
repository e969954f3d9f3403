// PNG (W3C Recommendation, third edition), with and without Adam7 interlacing. 16-bit samples keep their high byte;
// transparency in tRNS and all other ancillary chunks are ignored.
#include <cstdlib>
#include <cstring>

#include "cortado/weights.h"
#include "deflate.h"
#include "image.h"

namespace cortado {

namespace {

constexpr std::uint8_t kSignature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

std::uint32_t read_u32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 24 | static_cast<std::uint32_t>(p[1]) << 16 |
         static_cast<std::uint32_t>(p[2]) << 8 | static_cast<std::uint32_t>(p[3]);
}

struct Header {
  std::int64_t width, height;
  int depth, color, interlace;

  int samples() const { return color == 2 ? 3 : color == 4 ? 2 : color == 6 ? 4 : 1; }
  std::size_t row_bytes(std::int64_t pixels) const { return static_cast<std::size_t>((pixels * samples() * depth + 7) / 8); }
  std::size_t filter_distance() const { return static_cast<std::size_t>(samples() * depth >= 8 ? samples() * depth / 8 : 1); }
};

// One of Adam7's seven grids, or the only grid of a picture without interlacing.
struct Grid {
  int x0, y0, dx, dy;

  std::int64_t width(const Header& h) const { return h.width > x0 ? (h.width - x0 + dx - 1) / dx : 0; }
  std::int64_t height(const Header& h) const { return h.height > y0 ? (h.height - y0 + dy - 1) / dy : 0; }
};

constexpr Grid kWhole[] = {{0, 0, 1, 1}};
constexpr Grid kAdam7[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};

struct Grids {
  const Grid* begin;
  int count;
};
Grids grids_of(const Header& h) { return h.interlace != 0 ? Grids{kAdam7, 7} : Grids{kWhole, 1}; }

std::size_t raw_bytes(const Header& h) {
  const Grids grids = grids_of(h);
  std::size_t bytes = 0;
  for (int g = 0; g < grids.count; ++g) {
    const std::int64_t width = grids.begin[g].width(h);
    if (width > 0) bytes += static_cast<std::size_t>(grids.begin[g].height(h)) * (1 + h.row_bytes(width));
  }
  return bytes;
}

bool parse_header(const std::uint8_t* p, Header* h) {
  h->width = read_u32(p);
  h->height = read_u32(p + 4);
  h->depth = p[8];
  h->color = p[9];
  h->interlace = p[12];
  const bool known = p[10] == 0 && p[11] == 0 && h->interlace <= 1;
  const bool sized = h->width >= 1 && h->height >= 1 && h->width <= 0x7fffffff && h->height <= 0x7fffffff;
  const int d = h->depth;
  bool depth = d == 8 || d == 16;
  if (h->color == 0) depth = depth || d == 1 || d == 2 || d == 4;
  if (h->color == 3) depth = d == 1 || d == 2 || d == 4 || d == 8;
  const bool color = h->color == 0 || h->color == 2 || h->color == 3 || h->color == 4 || h->color == 6;
  return known && sized && depth && color;
}

std::uint8_t paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int to_left = std::abs(guess - left), to_up = std::abs(guess - up), to_corner = std::abs(guess - corner);
  if (to_left <= to_up && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_up <= to_corner ? up : corner);
}

// What filter `kind` predicts for byte i of a row; above is nullptr for the first row.
std::uint8_t predict(int kind, const std::uint8_t* row, const std::uint8_t* above, std::size_t i, std::size_t distance) {
  const int left = i >= distance ? row[i - distance] : 0;
  const int up = above != nullptr ? above[i] : 0;
  const int corner = above != nullptr && i >= distance ? above[i - distance] : 0;
  switch (kind) {
    case 1: return static_cast<std::uint8_t>(left);
    case 2: return static_cast<std::uint8_t>(up);
    case 3: return static_cast<std::uint8_t>((left + up) / 2);
    case 4: return paeth(left, up, corner);
    default: return 0;
  }
}

struct Palette {
  std::uint8_t rgb[256][3];
  int size = 0;
};

// Sample `index` of a row, as 8 bits; samples below 8 bits are scaled up unless they are palette indices.
int sample_at(const Header& h, const std::uint8_t* row, std::size_t index) {
  if (h.depth == 8) return row[index];
  if (h.depth == 16) return row[2 * index];
  const auto depth = static_cast<std::size_t>(h.depth);
  const std::size_t bit = index * depth;
  const int value = row[bit / 8] >> (8 - depth - bit % 8) & ((1 << depth) - 1);
  return h.color == 3 ? value : value * 255 / ((1 << depth) - 1);
}

bool put_pixel(const Header& h, const Palette& palette, const std::uint8_t* row, std::int64_t x, std::uint8_t* rgba) {
  const std::size_t at = static_cast<std::size_t>(x) * static_cast<std::size_t>(h.samples());
  const int first = sample_at(h, row, at);
  rgba[3] = 255;
  if (h.color == 3) {
    if (first >= palette.size) return false;
    std::memcpy(rgba, palette.rgb[first], 3);
    return true;
  }
  const bool gray = h.color == 0 || h.color == 4;
  rgba[0] = static_cast<std::uint8_t>(first);
  rgba[1] = gray ? rgba[0] : static_cast<std::uint8_t>(sample_at(h, row, at + 1));
  rgba[2] = gray ? rgba[0] : static_cast<std::uint8_t>(sample_at(h, row, at + 2));
  if (h.color == 4) rgba[3] = static_cast<std::uint8_t>(sample_at(h, row, at + 1));
  if (h.color == 6) rgba[3] = static_cast<std::uint8_t>(sample_at(h, row, at + 3));
  return true;
}

// Undoes the filters of one grid in place and scatters its pixels; advances *raw.
bool read_grid(const Header& h, const Palette& palette, const Grid& grid, std::uint8_t** raw, std::uint8_t* rgba) {
  const std::int64_t width = grid.width(h), height = width > 0 ? grid.height(h) : 0;
  const std::size_t row_bytes = h.row_bytes(width);
  const std::uint8_t* above = nullptr;
  for (std::int64_t y = 0; y < height; ++y, *raw += row_bytes) {
    const int kind = *(*raw)++;
    if (kind > 4) return false;
    std::uint8_t* const row = *raw;
    for (std::size_t i = 0; i < row_bytes; ++i)
      row[i] = static_cast<std::uint8_t>(row[i] + predict(kind, row, above, i, h.filter_distance()));
    above = row;
    for (std::int64_t x = 0; x < width; ++x)
      if (!put_pixel(h, palette, row, x, rgba + ((grid.y0 + y * grid.dy) * h.width + grid.x0 + x * grid.dx) * 4)) return false;
  }
  return true;
}

// What the chunks say; the pixels are still compressed.
struct Chunks {
  Header header{};
  Palette palette;
  Bytes data;
};

// Walks the chunks. nullptr, or what is wrong.
const char* read_chunks(const std::uint8_t* file, std::size_t bytes, Chunks* chunks) {
  if (bytes < 8 || std::memcmp(file, kSignature, 8) != 0) return "the signature is missing";
  bool first = true, data_over = false;
  for (std::size_t at = 8;;) {
    if (bytes - at < 12) return "the file ends too early";
    const std::size_t length = read_u32(file + at);
    if (length > bytes - at - 12) return "the file ends too early";
    const std::uint8_t* const type = file + at + 4;
    const std::uint8_t* const body = type + 4;
    if (crc32(type, length + 4) != read_u32(body + length)) return "a checksum differs";
    const auto is = [type](const char* name) { return std::memcmp(type, name, 4) == 0; };
    at += 12 + length;
    if (first != is("IHDR")) return "the header is not where it belongs";
    if (first) {
      if (length != 13 || !parse_header(body, &chunks->header)) return "the header is not valid";
    } else if (is("PLTE")) {
      if (chunks->palette.size != 0 || chunks->data.size() != 0 || length == 0 || length % 3 != 0 || length > 768)
        return "the palette is not valid";
      std::memcpy(chunks->palette.rgb, body, length);
      chunks->palette.size = static_cast<int>(length / 3);
    } else if (is("IDAT")) {
      if (data_over) return "the image data is in pieces";
      if (!chunks->data.append(body, length)) return "there is no memory for it";
    } else if (is("IEND")) {
      return chunks->data.size() > 0 ? nullptr : "there is no image data";
    } else if ((type[0] & 32) == 0) {
      return "it has a critical chunk that is not part of the standard";
    }
    data_over = data_over || (chunks->data.size() > 0 && !is("IDAT"));
    first = false;
  }
}

const char* decode(const std::uint8_t* file, std::size_t bytes, Image* image) {
  Chunks chunks;
  const char* const wrong = read_chunks(file, bytes, &chunks);
  if (wrong != nullptr) return wrong;
  const Header& h = chunks.header;
  if (h.height > kMaxPixels / h.width) return "it has more than 67 million pixels";
  if (h.color == 3 && chunks.palette.size == 0) return "the palette is missing";
  // No deflate stream expands more than 1032 times.
  const std::size_t size = raw_bytes(h);
  if (size / 1032 > chunks.data.size()) return "the image data is too short";
  Bytes raw;
  if (!raw.resize(size) || !image->rgba.resize(static_cast<std::size_t>(h.width * h.height) * 4)) return "there is no memory for it";
  if (!inflate_zlib(chunks.data.data(), chunks.data.size(), raw.data(), size)) return "the image data is damaged";
  const Grids grids = grids_of(h);
  std::uint8_t* next = raw.data();
  for (int g = 0; g < grids.count; ++g)
    if (!read_grid(h, chunks.palette, grids.begin[g], &next, image->rgba.data())) return "the image data is damaged";
  image->width = h.width;
  image->height = h.height;
  image->channels = h.color == 0 ? 1 : h.color == 4 || h.color == 6 ? 4 : 3;
  return nullptr;
}

bool put_chunk(const char* type, const std::uint8_t* body, std::size_t length, Bytes* file) {
  const auto be32 = [](std::uint32_t v, std::uint8_t* p) {
    for (int i = 0; i < 4; ++i) p[i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
  };
  std::uint8_t word[4];
  be32(static_cast<std::uint32_t>(length), word);
  const std::size_t from = file->size() + 4;
  if (!file->append(word, 4) || !file->append(type, 4) || !file->append(body, length)) return false;
  be32(crc32(file->data() + from, length + 4), word);
  return file->append(word, 4);
}

// The filter whose differences, taken as signed bytes, have the smallest sum of magnitudes.
int best_filter(const std::uint8_t* row, const std::uint8_t* above, std::size_t bytes, std::size_t distance) {
  int best = 0;
  std::uint64_t best_cost = ~std::uint64_t{0};
  for (int kind = 0; kind <= 4; ++kind) {
    std::uint64_t cost = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const int d = (row[i] - predict(kind, row, above, i, distance)) & 0xff;
      cost += static_cast<std::uint64_t>(d < 128 ? d : 256 - d);
    }
    if (cost < best_cost) best = kind;
    if (cost < best_cost) best_cost = cost;
  }
  return best;
}

}  // namespace

bool decode_png(const std::uint8_t* file, std::size_t bytes, const char* name, Image* image, Error* error) {
  const char* const wrong = decode(file, bytes, image);
  return wrong == nullptr || fail(error, kExitRun, "%s is not a readable PNG file: %s", name, wrong);
}

bool encode_png(const Image& image, Bytes* file) {
  const auto channels = static_cast<std::size_t>(image.channels);
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * channels;
  Bytes rows, filtered, data;
  if (!rows.resize(2 * row_bytes)) return false;
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::uint8_t* const row = rows.data() + (y % 2 != 0 ? row_bytes : 0);
    const std::uint8_t* const above = y == 0 ? nullptr : rows.data() + (y % 2 != 0 ? 0 : row_bytes);
    const std::uint8_t* const pixels = image.rgba.data() + y * image.width * 4;
    for (std::size_t i = 0; i < row_bytes; ++i) row[i] = pixels[i / channels * 4 + i % channels];
    const auto kind = static_cast<std::uint8_t>(best_filter(row, above, row_bytes, channels));
    if (!filtered.append(&kind, 1)) return false;
    const std::size_t at = filtered.size();
    if (!filtered.resize(at + row_bytes)) return false;
    for (std::size_t i = 0; i < row_bytes; ++i)
      filtered[at + i] = static_cast<std::uint8_t>(row[i] - predict(kind, row, above, i, channels));
  }
  if (!deflate_zlib(filtered.data(), filtered.size(), &data)) return false;
  std::uint8_t header[13] = {};
  for (int i = 0; i < 4; ++i) header[i] = static_cast<std::uint8_t>(image.width >> (24 - 8 * i));
  for (int i = 0; i < 4; ++i) header[4 + i] = static_cast<std::uint8_t>(image.height >> (24 - 8 * i));
  header[8] = 8;
  header[9] = channels == 1 ? 0 : channels == 3 ? 2 : 6;
  return file->append(kSignature, 8) && put_chunk("IHDR", header, 13, file) &&
         put_chunk("IDAT", data.data(), data.size(), file) && put_chunk("IEND", nullptr, 0, file);
}

}  // namespace cortado
