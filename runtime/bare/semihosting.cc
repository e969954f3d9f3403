// Semihosting (Arm's specification, version 3): the debugger or emulator does what an operating system would.
#include "bare.h"

namespace cortado {

namespace {

enum Operation { kOpen = 0x01, kClose = 0x02, kWriteText = 0x04, kWriteFile = 0x05, kReadFile = 0x06, kExitExtended = 0x20 };

constexpr std::uint32_t kApplicationExit = 0x20026;

int call_host(Operation operation, const void* block) {
  register int r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

std::uint32_t length_of(const char* text) {
  std::uint32_t length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

std::uint32_t word_of(const void* pointer) { return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(pointer)); }

}  // namespace

void write_text(const char* text) { call_host(kWriteText, text); }

void exit_program(int code) {
  const std::uint32_t block[2] = {kApplicationExit, static_cast<std::uint32_t>(code)};
  call_host(kExitExtended, block);
  while (true) {
  }
}

HostFile::HostFile(const char* name, Mode mode) {
  const std::uint32_t block[3] = {word_of(name), static_cast<std::uint32_t>(mode), length_of(name)};
  handle_ = call_host(kOpen, block);
}

HostFile::~HostFile() {
  if (!is_open()) return;
  const std::uint32_t block[1] = {static_cast<std::uint32_t>(handle_)};
  call_host(kClose, block);
}

bool HostFile::read(void* data, std::size_t bytes) {
  const std::uint32_t block[3] = {static_cast<std::uint32_t>(handle_), word_of(data), static_cast<std::uint32_t>(bytes)};
  return bytes == 0 || call_host(kReadFile, block) == 0;
}

bool HostFile::write(const void* data, std::size_t bytes) {
  const std::uint32_t block[3] = {static_cast<std::uint32_t>(handle_), word_of(data), static_cast<std::uint32_t>(bytes)};
  return bytes == 0 || call_host(kWriteFile, block) == 0;
}

}  // namespace cortado
