// Binary PPM (P6) and PGM (P5) with 8-bit samples, and the choice of format.
#include "image.h"

#include <cstdio>
#include <cstring>
#include <strings.h>

namespace cortado {

namespace {

bool ends_with(const char* name, const char* extension) {
  const std::size_t n = std::strlen(name), e = std::strlen(extension);
  return n >= e && strcasecmp(name + n - e, extension) == 0;
}

// The next number of a PNM header, after white space and comments; -1 if there is none.
std::int64_t read_number(const std::uint8_t* file, std::size_t bytes, std::size_t* at) {
  const auto is_space = [](std::uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (*at < bytes && (is_space(file[*at]) || file[*at] == '#')) {
    if (file[*at] == '#')
      while (*at < bytes && file[*at] != '\n') ++*at;
    else
      ++*at;
  }
  std::int64_t value = -1;
  for (; *at < bytes && file[*at] >= '0' && file[*at] <= '9' && value < kMaxPixels; ++*at)
    value = (value < 0 ? 0 : value * 10) + (file[*at] - '0');
  return value;
}

}  // namespace

bool decode_pnm(const std::uint8_t* file, std::size_t bytes, const char* name, Image* image, Error* error) {
  std::size_t at = 2;
  const std::int64_t width = read_number(file, bytes, &at);
  const std::int64_t height = read_number(file, bytes, &at);
  const std::int64_t depth = read_number(file, bytes, &at);
  if (width < 1 || height < 1 || depth != 255 || at == bytes)
    return fail(error, kExitRun, "%s is not a readable PPM file: the header must be P5 or P6, width, height, 255", name);
  ++at;  // one white space character
  image->channels = file[1] == '6' ? 3 : 1;
  const auto channels = static_cast<std::size_t>(image->channels);
  if (height > kMaxPixels / width) return fail(error, kExitRun, "%s has more than 67 million pixels", name);
  const auto pixels = static_cast<std::size_t>(width * height);
  if (bytes - at < pixels * channels)
    return fail(error, kExitRun, "%s ends too early: %lld x %lld pixels take %zu bytes, %zu are there", name,
                static_cast<long long>(width), static_cast<long long>(height), pixels * channels, bytes - at);
  if (!image->rgba.resize(pixels * 4)) return fail(error, kExitRun, "%s does not fit into memory", name);
  for (std::size_t p = 0; p < pixels; ++p) {
    for (std::size_t c = 0; c < 3; ++c) image->rgba[p * 4 + c] = file[at + p * channels + (channels == 3 ? c : 0)];
    image->rgba[p * 4 + 3] = 255;
  }
  image->width = width;
  image->height = height;
  return true;
}

bool encode_pnm(const Image& image, Bytes* file) {
  const std::size_t channels = image.channels == 1 ? 1 : 3;
  char header[64];
  const int length = std::snprintf(header, sizeof header, "P%d\n%lld %lld\n255\n", channels == 1 ? 5 : 6,
                                   static_cast<long long>(image.width), static_cast<long long>(image.height));
  if (!file->append(header, static_cast<std::size_t>(length))) return false;
  const std::size_t at = file->size();
  const auto pixels = static_cast<std::size_t>(image.width * image.height);
  if (!file->resize(at + pixels * channels)) return false;
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < channels; ++c) (*file)[at + p * channels + c] = image.rgba[p * 4 + c];
  return true;
}

bool is_image_name(const char* name) {
  return ends_with(name, ".png") || ends_with(name, ".ppm") || ends_with(name, ".pgm");
}

bool decode_image(const Bytes& file, const char* name, Image* image, Error* error) {
  if (file.size() >= 2 && file[0] == 'P' && (file[1] == '5' || file[1] == '6'))
    return decode_pnm(file.data(), file.size(), name, image, error);
  return decode_png(file.data(), file.size(), name, image, error);
}

bool encode_image(const Image& image, const char* name, Bytes* file, Error* error) {
  const bool done = ends_with(name, ".png") ? encode_png(image, file) : encode_pnm(image, file);
  return done || fail(error, kExitRun, "there is no memory to write %s", name);
}

}  // namespace cortado
