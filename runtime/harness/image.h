// Pictures in memory and on disk: PNG (read: all kinds; write: 8-bit gray, RGB, RGBA) and binary PPM/PGM.
// Reading trusts nothing in the file: sizes are checked against the bytes present before anything is allocated.
#pragma once

#include "bytes.h"

namespace cortado {

// 8-bit RGBA, row by row. channels is what the file held: 1 gray, 3 RGB, 4 RGBA (2 is read as 4).
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  int channels = 0;
  Bytes rgba;
};

inline constexpr std::int64_t kMaxPixels = std::int64_t{1} << 26;

// By content, not by name. `name` is for messages.
bool decode_image(const Bytes& file, const char* name, Image* image, Error* error);
// By the name's extension: .png, .ppm, .pgm.
bool encode_image(const Image& image, const char* name, Bytes* file, Error* error);
bool is_image_name(const char* name);

bool decode_png(const std::uint8_t* file, std::size_t bytes, const char* name, Image* image, Error* error);
bool encode_png(const Image& image, Bytes* file);
bool decode_pnm(const std::uint8_t* file, std::size_t bytes, const char* name, Image* image, Error* error);
bool encode_pnm(const Image& image, Bytes* file);

}  // namespace cortado
