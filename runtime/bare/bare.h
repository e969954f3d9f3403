// What a net needs around it on a machine without an operating system: a clock, files of the debugger's host
// (semihosting), and a main that runs the net once on inputs from there. runtime/CONTRACT.md has the files' format.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cortado/model.h"

namespace cortado {

// Ticks of the processor's clock since the start.
std::uint64_t clock_ticks();

// The most stack that was in use so far.
std::uint32_t stack_used_bytes();

// One line on the debugger's console.
void write_text(const char* text);

[[noreturn]] void exit_program(int code);

// A file on the host, opened by name; reading and writing go on where the last call ended.
class HostFile {
 public:
  enum Mode { kRead = 1, kWrite = 5 };  // "rb", "wb"
  HostFile(const char* name, Mode mode);
  ~HostFile();
  HostFile(const HostFile&) = delete;
  HostFile& operator=(const HostFile&) = delete;

  bool is_open() const { return handle_ >= 0; }
  // False unless all bytes were moved.
  bool read(void* data, std::size_t bytes);
  bool write(const void* data, std::size_t bytes);

 private:
  int handle_;
};

// Everything that the generated main.cc lays out in memory.
struct BareProgram {
  const NetDescription& net;
  void* state;  // for create(): `<NET>_STATE_BYTES`
  std::size_t state_bytes;
  const cortado_arena* arenas;  // one for each part of the net's arena
  std::size_t n_arenas;
  cortado_tensor* inputs;       // data = a buffer of max_bytes each
  cortado_tensor* outputs;
  std::uint64_t* layer_ticks;
};

// The exit code: 0, or 1 when something failed, which the console and `result.bin` then say.
int bare_main(const BareProgram& program);

}  // namespace cortado
