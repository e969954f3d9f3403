// zlib streams (RFC 1950, 1951), as PNG needs them. Both directions are strict and bounded: no input makes inflate read
// or write outside the given blocks.
#pragma once

#include "bytes.h"

namespace cortado {

// Exactly out_bytes come out, or false. `in` is a whole zlib stream; its checksum is verified.
bool inflate_zlib(const std::uint8_t* in, std::size_t in_bytes, std::uint8_t* out, std::size_t out_bytes);

// Appends a zlib stream. False if there is no memory.
bool deflate_zlib(const std::uint8_t* in, std::size_t in_bytes, Bytes* out);

}  // namespace cortado
