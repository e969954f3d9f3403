// Runs the nets of a batch program on a machine without an operating system, files of the debugger's host in place of arguments:
// `request` has two int64, the first net to run and the bytes of `inputs`; `inputs` and `results` are as batch_run.h tells.
// Behind each buffer lie guard bytes, which are looked at after every net. A crash ends the program: the host then starts it
// again behind the net that crashed.
#include "batch_run.h"

#include "bare.h"

extern "C" unsigned char batch_heap_begin[], batch_heap_end[];  // from the linker script

namespace batch {

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kMaxBuffers = 4 * kMaxTensors;
constexpr unsigned char kGuard = 0xa5;

unsigned char* heap_next = batch_heap_begin;
struct Guard {
  const unsigned char* begin;
  const unsigned char* end;
} guards[kMaxBuffers];
size_t guard_count = 0;
cortado::HostFile* results = nullptr;

}  // namespace

void stop(const char* message) {
  cortado::write_text(message);
  cortado::exit_program(3);
}

void* guarded(size_t bytes, unsigned char fill) {
  const size_t room = (bytes + kAlignment - 1) / kAlignment * kAlignment + kAlignment;
  if (static_cast<size_t>(batch_heap_end - heap_next) < room) stop("batch: out of memory");
  if (guard_count == kMaxBuffers) stop("batch: too many buffers");
  unsigned char* const begin = heap_next;
  heap_next += room;
  std::memset(begin, fill, bytes);
  std::memset(begin + bytes, kGuard, room - bytes);
  guards[guard_count++] = {begin + bytes, heap_next};
  return begin;
}

bool buffers_intact() {
  for (size_t i = 0; i < guard_count; i++)
    for (const unsigned char* byte = guards[i].begin; byte < guards[i].end; byte++)
      if (*byte != kGuard) return false;
  return true;
}

void write_result(const void* data, size_t bytes) {
  if (!results->write(data, bytes)) stop("batch: the results cannot be written");
}

}  // namespace batch

int main() {
  using namespace batch;
  int64_t request[2] = {};
  cortado::HostFile request_file("request", cortado::HostFile::kRead);
  if (!request_file.is_open() || !request_file.read(request, sizeof request)) stop("batch: no request");
  const auto input_bytes = static_cast<size_t>(request[1]);
  if (static_cast<size_t>(batch_heap_end - batch_heap_begin) < input_bytes) stop("batch: no memory for the inputs");
  cortado::HostFile input_file("inputs", cortado::HostFile::kRead);
  if (!input_file.read(batch_heap_begin, input_bytes)) stop("batch: the inputs cannot be read");
  cortado::HostFile result_file("results", cortado::HostFile::kWrite);
  results = &result_file;
  unsigned char* const free_memory = batch_heap_begin + (input_bytes + kAlignment - 1) / kAlignment * kAlignment;
  Reader reader(batch_heap_begin, batch_heap_begin + input_bytes);
  int64_t index = 0;
  for (int b = 0; b < kBatchCount; b++) {
    for (const BatchNet* net = kBatches[b]; net->id != nullptr; net++, index++) {
      heap_next = free_memory;
      guard_count = 0;
      const NetInputs inputs = read_inputs(reader, index >= request[0]);
      if (index >= request[0]) run_net(*net, inputs);
    }
  }
  return 0;
}
