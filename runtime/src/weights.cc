// Reading and checking weight files. CRC-32 is the IEEE one, eight bytes at a time; four bits at a time, with a table of 64
// bytes rather than 8192, on machines without an operating system.
#include "cortado/weights.h"

#include <cstring>

#include "cortado/part.h"

#if defined(__unix__) || defined(__APPLE__)
#define CORTADO_MMAP 1
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#elif defined(_WIN32)
#define CORTADO_MMAP 0
#include <cstdio>
#include <malloc.h>
#endif

namespace cortado {

namespace {

#if CORTADO_HOSTED

struct CrcTables {
  std::uint32_t of[8][256];
};

// of[k][b]: the effect of byte b followed by k zero bytes.
constexpr CrcTables make_crc_tables() {
  CrcTables t{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t crc = b;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
    t.of[0][b] = crc;
  }
  for (std::size_t b = 0; b < 256; ++b)
    for (std::size_t k = 1; k < 8; ++k) t.of[k][b] = (t.of[k - 1][b] >> 8) ^ t.of[0][t.of[k - 1][b] & 0xff];
  return t;
}

constexpr CrcTables kCrc = make_crc_tables();

#endif

}  // namespace

#if CORTADO_HOSTED

std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t seed) {
  const auto* p = static_cast<const std::uint8_t*>(data);
  std::uint32_t crc = ~seed;
  for (; bytes >= 8; bytes -= 8, p += 8) {
    crc ^= static_cast<std::uint32_t>(p[0]) | static_cast<std::uint32_t>(p[1]) << 8 | static_cast<std::uint32_t>(p[2]) << 16 |
           static_cast<std::uint32_t>(p[3]) << 24;
    crc = kCrc.of[7][crc & 0xff] ^ kCrc.of[6][crc >> 8 & 0xff] ^ kCrc.of[5][crc >> 16 & 0xff] ^ kCrc.of[4][crc >> 24] ^
          kCrc.of[3][p[4]] ^ kCrc.of[2][p[5]] ^ kCrc.of[1][p[6]] ^ kCrc.of[0][p[7]];
  }
  for (; bytes > 0; --bytes, ++p) crc = (crc >> 8) ^ kCrc.of[0][(crc ^ *p) & 0xff];
  return ~crc;
}

#else

std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t seed) {
  static constexpr std::uint32_t kOfNibble[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                                  0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  const auto* p = static_cast<const std::uint8_t*>(data);
  std::uint32_t crc = ~seed;
  for (; bytes > 0; --bytes, ++p) {
    crc ^= *p;
    crc = (crc >> 4) ^ kOfNibble[crc & 15];
    crc = (crc >> 4) ^ kOfNibble[crc & 15];
  }
  return ~crc;
}

#endif

cortado_status check_weights(const void* weights, std::size_t weights_bytes, std::uint64_t id, std::size_t wanted_bytes,
                             bool full) {
  if (reinterpret_cast<std::uintptr_t>(weights) % CORTADO_ALIGNMENT != 0) return CORTADO_WEIGHTS_MISALIGNED;
  WeightHeader header;
  if (weights_bytes < sizeof header) return CORTADO_WEIGHTS_MISMATCH;
  std::memcpy(&header, weights, sizeof header);
  const bool ours = std::memcmp(header.magic, "cortadoW", 8) == 0 && header.version == kWeightVersion &&
                    header.header_bytes == sizeof header && header.id == id &&
                    header.content_bytes == wanted_bytes - sizeof header && weights_bytes >= wanted_bytes;
  if (!ours) return CORTADO_WEIGHTS_MISMATCH;
  if (!full) return CORTADO_OK;
  const auto* content = static_cast<const std::uint8_t*>(weights) + sizeof header;
  return crc32(content, wanted_bytes - sizeof header) == header.crc32 ? CORTADO_OK : CORTADO_WEIGHTS_CORRUPT;
}

#if defined(CORTADO_MMAP) && CORTADO_MMAP

cortado_status map_file(const char* path, MappedFile* file) {
  *file = MappedFile{nullptr, 0};
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return CORTADO_WEIGHTS_UNREADABLE;
  struct stat facts;
  void* data = MAP_FAILED;
  if (fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0)
    data = mmap(nullptr, static_cast<std::size_t>(facts.st_size), PROT_READ, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (data == MAP_FAILED) return CORTADO_WEIGHTS_UNREADABLE;
  *file = MappedFile{data, static_cast<std::size_t>(facts.st_size)};
  return CORTADO_OK;
}

void unmap_file(MappedFile* file) {
  if (file->data != nullptr) munmap(const_cast<void*>(file->data), file->bytes);
  *file = MappedFile{nullptr, 0};
}

#elif defined(CORTADO_MMAP)

cortado_status map_file(const char* path, MappedFile* file) {
  *file = MappedFile{nullptr, 0};
  std::FILE* const stream = std::fopen(path, "rb");
  if (stream == nullptr) return CORTADO_WEIGHTS_UNREADABLE;
  void* data = nullptr;
  std::size_t bytes = 0;
  if (_fseeki64(stream, 0, SEEK_END) == 0 && _ftelli64(stream) > 0) {
    bytes = static_cast<std::size_t>(_ftelli64(stream));
    _fseeki64(stream, 0, SEEK_SET);
    data = _aligned_malloc(bytes, CORTADO_ALIGNMENT);
    if (data != nullptr && std::fread(data, 1, bytes, stream) != bytes) {
      _aligned_free(data);
      data = nullptr;
    }
  }
  std::fclose(stream);
  if (data == nullptr) return CORTADO_WEIGHTS_UNREADABLE;
  *file = MappedFile{data, bytes};
  return CORTADO_OK;
}

void unmap_file(MappedFile* file) {
  if (file->data != nullptr) _aligned_free(const_cast<void*>(file->data));
  *file = MappedFile{nullptr, 0};
}

#else  // no file system: weights are linked or given

cortado_status map_file(const char*, MappedFile* file) {
  *file = MappedFile{nullptr, 0};
  return CORTADO_WEIGHTS_UNREADABLE;
}

void unmap_file(MappedFile*) {}

#endif

}  // namespace cortado
