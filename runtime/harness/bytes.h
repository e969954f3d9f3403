// A block of heap memory with an owner, whole-file reading and writing, and errors as one line of text. C stdio only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cortado {

class Bytes {
 public:
  Bytes() = default;
  ~Bytes();
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  // Keeps the content up to the smaller size; new bytes are not set. False if there is no memory.
  bool resize(std::size_t size);
  bool append(const void* bytes, std::size_t count);
  void clear() { size_ = 0; }

  std::uint8_t* data() { return data_; }
  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::uint8_t& operator[](std::size_t index) { return data_[index]; }
  std::uint8_t operator[](std::size_t index) const { return data_[index]; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

inline constexpr int kExitRun = 1;    // the net or a file failed
inline constexpr int kExitUsage = 2;  // the command line is wrong

// What went wrong: what was expected, what came, what to do.
struct Error {
  int exit_code = 0;
  char text[600] = "";
};

#if defined(__GNUC__)
#define CORTADO_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CORTADO_PRINTF(text, first)
#endif

// Fills the error, unless it holds an earlier one; always false.
bool fail(Error* error, int exit_code, const char* format, ...) CORTADO_PRINTF(3, 4);

bool read_file(const char* path, Bytes* bytes, Error* error);
bool write_file(const char* path, const void* data, std::size_t size, Error* error);

}  // namespace cortado
