// The weight file: a 64-byte header, then the packed weights exactly as the kernels read them.
// The same bytes are linked into the binary, mapped from a file, or given by the caller.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cortado/cortado.h"

namespace cortado {

// Little-endian on little-endian targets; a file for another byte order fails the version test.
struct WeightHeader {
  char magic[8];              // "cortadoW"
  std::uint32_t version;      // 1
  std::uint32_t header_bytes; // 64
  std::uint64_t content_bytes;
  std::uint64_t id;    // names net and packing; equals NetDescription::weights_id
  std::uint32_t crc32; // of the content, IEEE 802.3 (as in PNG and zlib)
  std::uint8_t reserved[28];
};
static_assert(sizeof(WeightHeader) == 64, "offsets of weights count from byte 64");

inline constexpr std::uint32_t kWeightVersion = 1;

// The header alone, unless full: then the content too.
cortado_status check_weights(const void* weights, std::size_t weights_bytes, std::uint64_t id, std::size_t wanted_bytes,
                             bool full);

// A read-only file in memory: mapped where the system can, else read into the heap.
struct MappedFile {
  const void* data;
  std::size_t bytes;
};
cortado_status map_file(const char* path, MappedFile* file);
void unmap_file(MappedFile* file);

std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t seed = 0);

}  // namespace cortado
