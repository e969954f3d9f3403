#include "bytes.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cortado {

Bytes::~Bytes() { std::free(data_); }

bool Bytes::resize(std::size_t size) {
  if (size > capacity_ || data_ == nullptr) {
    std::size_t wanted = size > 64 ? size : 64;
    if (capacity_ > 0 && wanted < capacity_ + capacity_ / 2) wanted = capacity_ + capacity_ / 2;
    void* const grown = std::realloc(data_, wanted);
    if (grown == nullptr) return false;
    data_ = static_cast<std::uint8_t*>(grown);
    capacity_ = wanted;
  }
  size_ = size;
  return true;
}

bool Bytes::append(const void* bytes, std::size_t count) {
  const std::size_t before = size_;
  if (!resize(before + count)) return false;
  if (count > 0) std::memcpy(data_ + before, bytes, count);
  return true;
}

bool fail(Error* error, int exit_code, const char* format, ...) {
  if (error->exit_code != 0) return false;
  error->exit_code = exit_code;
  va_list values;
  va_start(values, format);
  std::vsnprintf(error->text, sizeof error->text, format, values);
  va_end(values);
  return false;
}

bool read_file(const char* path, Bytes* bytes, Error* error) {
  std::FILE* const stream = std::fopen(path, "rb");
  if (stream == nullptr) return fail(error, kExitRun, "%s cannot be opened: %s", path, std::strerror(errno));
  bytes->clear();
  bool good = true;
  for (std::size_t chunk = std::size_t{1} << 16; good; chunk *= 2) {
    const std::size_t before = bytes->size();
    if (!bytes->resize(before + chunk)) good = fail(error, kExitRun, "%s does not fit into memory", path);
    if (!good) break;
    const std::size_t got = std::fread(bytes->data() + before, 1, chunk, stream);
    bytes->resize(before + got);
    if (got < chunk) break;
  }
  if (good && std::ferror(stream) != 0) good = fail(error, kExitRun, "%s cannot be read: %s", path, std::strerror(errno));
  std::fclose(stream);
  return good;
}

bool write_file(const char* path, const void* data, std::size_t size, Error* error) {
  std::FILE* const stream = std::fopen(path, "wb");
  if (stream == nullptr) return fail(error, kExitRun, "%s cannot be written: %s", path, std::strerror(errno));
  const bool written = size == 0 || std::fwrite(data, 1, size, stream) == size;
  const bool closed = std::fclose(stream) == 0;
  if (written && closed) return true;
  return fail(error, kExitRun, "%s cannot be written: %s", path, std::strerror(errno));
}

}  // namespace cortado
