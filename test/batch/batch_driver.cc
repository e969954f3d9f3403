// Runs every net of a batch program on the inputs of a file and writes what came out to another. Each net runs in a
// process of its own, so a crash or an endless loop costs one net. Each buffer that a net is given ends where a page
// without access begins: a read or write past it is a crash, not luck. Every net runs twice, with different garbage in the
// arena, first with outputs in the arena, then into buffers of the caller; the results must be equal bit by bit.
//
// All numbers of both files are little-endian int64; bytes are padded to a multiple of 8.
//   inputs:  per net: weight bytes, weights, input count, then per input: dtype, rank, dims, byte count (-1: absent), bytes
//   results: per net: kind; 0 = finished: status, op, layer name (byte count, bytes), output count, then per output: dtype,
//            rank, dims, byte count, bytes; 1 = crashed: signal; 2 = the two runs differ: index of the output
// Usage: batch INPUTS RESULTS
#include "batch_net.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// Lists of nets, one per generated file; generated beside this driver.
extern const BatchNet* const kBatches[];
extern const int kBatchCount;

namespace {

constexpr size_t kPage = 4096;
constexpr unsigned kTimeLimitSeconds = 20;
constexpr size_t kMaxTensors = 64;

[[noreturn]] void stop(const char* message) {
  std::fprintf(stderr, "batch: %s\n", message);
  std::_Exit(3);
}

// Memory whose last byte is followed by a page that cannot be touched. Never freed: the process is short-lived.
void* guarded(size_t bytes, unsigned char fill) {
  const size_t room = (bytes + kPage - 1) / kPage * kPage;
  void* start = mmap(nullptr, room + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) stop("out of memory");
  unsigned char* end = static_cast<unsigned char*>(start) + room;
  if (mprotect(end, kPage, PROT_NONE) != 0) stop("mprotect failed");
  if (room > 0) std::memset(start, fill, room);
  return end - bytes;
}

class Reader {
 public:
  Reader(const unsigned char* at, const unsigned char* end) : at_(at), end_(end) {}

  int64_t number() {
    int64_t value = 0;
    std::memcpy(&value, bytes(sizeof value), sizeof value);
    return value;
  }

  const unsigned char* bytes(size_t count) {
    const size_t padded = (count + 7) / 8 * 8;
    if (static_cast<size_t>(end_ - at_) < padded) stop("the input file is too short");
    const unsigned char* start = at_;
    at_ += padded;
    return start;
  }

 private:
  const unsigned char* at_;
  const unsigned char* end_;
};

struct NetInputs {
  void* weights = nullptr;
  size_t weights_bytes = 0;
  size_t count = 0;
  cortado_tensor tensors[kMaxTensors] = {};
};

// Copies only where the net is to run: the parent just walks past.
NetInputs read_inputs(Reader& reader, bool copy) {
  NetInputs inputs;
  inputs.weights_bytes = static_cast<size_t>(reader.number());
  const unsigned char* weights = reader.bytes(inputs.weights_bytes);
  if (copy) {
    inputs.weights = guarded(inputs.weights_bytes, 0);
    std::memcpy(inputs.weights, weights, inputs.weights_bytes);
  }
  inputs.count = static_cast<size_t>(reader.number());
  if (inputs.count > kMaxTensors) stop("too many inputs");
  for (size_t i = 0; i < inputs.count; i++) {
    cortado_tensor& tensor = inputs.tensors[i];
    tensor.dtype = static_cast<int32_t>(reader.number());
    tensor.rank = static_cast<int32_t>(reader.number());
    for (int32_t d = 0; d < tensor.rank; d++) {
      const int64_t dim = reader.number();
      if (d < CORTADO_MAX_RANK) tensor.dims[d] = dim;
    }
    const int64_t size = reader.number();
    if (size < 0) continue;
    tensor.size_bytes = static_cast<size_t>(size);
    const unsigned char* data = reader.bytes(tensor.size_bytes);
    if (!copy) continue;
    tensor.data = guarded(tensor.size_bytes, 0);
    std::memcpy(tensor.data, data, tensor.size_bytes);
  }
  return inputs;
}

void put(std::FILE* file, int64_t value) { std::fwrite(&value, sizeof value, 1, file); }

void put_bytes(std::FILE* file, const void* data, size_t bytes) {
  const unsigned char zeros[8] = {};
  put(file, static_cast<int64_t>(bytes));
  std::fwrite(data, 1, bytes, file);
  std::fwrite(zeros, 1, (8 - bytes % 8) % 8, file);
}

size_t bytes_of(const cortado_tensor& tensor) {
  size_t bytes = cortado_dtype_bytes(tensor.dtype);
  for (int32_t d = 0; d < tensor.rank; d++) bytes *= static_cast<size_t>(tensor.dims[d]);
  return bytes;
}

struct Attempt {
  cortado_status status = CORTADO_OK;
  cortado_fault fault{};
  cortado_tensor outputs[kMaxTensors] = {};
};

Attempt attempt(const BatchNet& net, const NetInputs& inputs, bool into_caller, unsigned char garbage) {
  const cortado_model_info& info = *net.info();
  if (info.n_outputs > kMaxTensors) stop("too many outputs");
  cortado_options options = cortado_default_options();
  options.threads = info.threads;
  options.arena_bytes = info.arena_bytes;
  options.arena = guarded(info.arena_bytes, garbage);
  options.weights = inputs.weights_bytes == 0 ? nullptr : inputs.weights;
  options.weights_bytes = inputs.weights_bytes;
  options.check_weights = 1;
  Attempt result;
  result.fault.op = -1;
  void* model = nullptr;
  result.status = net.create(nullptr, 0, &options, &model);
  if (result.status != CORTADO_OK) return result;
  if (into_caller) {
    for (size_t i = 0; i < info.n_outputs; i++) {
      result.outputs[i].size_bytes = info.outputs[i].max_bytes;
      result.outputs[i].data = guarded(info.outputs[i].max_bytes, garbage);
    }
  }
  result.status = net.run(model, inputs.tensors, inputs.count, result.outputs, info.n_outputs);
  result.fault = net.last_fault(model);
  // The model is not destroyed: outputs may lie in its arena.
  return result;
}

int first_difference(const Attempt& a, const Attempt& b, size_t count) {
  if (a.status != b.status) return 0;
  if (a.status != CORTADO_OK) return -1;
  for (size_t i = 0; i < count; i++) {
    const cortado_tensor &x = a.outputs[i], &y = b.outputs[i];
    const bool same_shape = x.rank == y.rank && std::memcmp(x.dims, y.dims, sizeof(int64_t) * static_cast<size_t>(x.rank)) == 0;
    if (!same_shape || (bytes_of(x) > 0 && std::memcmp(x.data, y.data, bytes_of(x)) != 0)) return static_cast<int>(i);
  }
  return -1;
}

void run_net(const BatchNet& net, const NetInputs& inputs, std::FILE* results) {
  const size_t count = net.info()->n_outputs;
  const Attempt first = attempt(net, inputs, false, 0xff);
  const Attempt second = attempt(net, inputs, true, 0x5a);
  const int different = first_difference(first, second, count);
  if (different >= 0) {
    put(results, 2);
    put(results, different);
    return;
  }
  put(results, 0);
  put(results, first.status);
  put(results, first.fault.op);
  const char* layer = first.fault.layer == nullptr ? "" : first.fault.layer;
  put_bytes(results, layer, std::strlen(layer));
  put(results, first.status == CORTADO_OK ? static_cast<int64_t>(count) : 0);
  for (size_t i = 0; first.status == CORTADO_OK && i < count; i++) {
    const cortado_tensor& tensor = first.outputs[i];
    put(results, tensor.dtype);
    put(results, tensor.rank);
    for (int32_t d = 0; d < tensor.rank; d++) put(results, tensor.dims[d]);
    put_bytes(results, tensor.data, bytes_of(tensor));
  }
}

// Runs the net in a child; whatever a dying child has written is replaced by a record of its death.
void run_in_child(const BatchNet& net, Reader& reader, int file) {
  const off_t start = lseek(file, 0, SEEK_END);
  const pid_t child = fork();
  if (child < 0) stop("fork failed");
  if (child == 0) {
    alarm(kTimeLimitSeconds);
    std::FILE* results = fdopen(file, "wb");
    run_net(net, read_inputs(reader, true), results);
    std::fflush(results);
    std::_Exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) stop("waitpid failed");
  read_inputs(reader, false);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const int64_t record[2] = {1, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
  if (ftruncate(file, start) != 0 || lseek(file, start, SEEK_SET) != start) stop("cannot rewind the results");
  if (write(file, record, sizeof record) != static_cast<ssize_t>(sizeof record)) stop("cannot write the results");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) stop("usage: batch INPUTS RESULTS");
  const int source = open(argv[1], O_RDONLY);
  struct stat about {};
  if (source < 0 || fstat(source, &about) != 0) stop("cannot read the inputs");
  const size_t size = static_cast<size_t>(about.st_size);
  const void* data = size == 0 ? "" : mmap(nullptr, size, PROT_READ, MAP_PRIVATE, source, 0);
  if (data == MAP_FAILED) stop("cannot map the inputs");
  const int file = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (file < 0) stop("cannot create the results");
  Reader reader(static_cast<const unsigned char*>(data), static_cast<const unsigned char*>(data) + size);
  for (int b = 0; b < kBatchCount; b++) {
    for (const BatchNet* net = kBatches[b]; net->id != nullptr; net++) run_in_child(*net, reader, file);
  }
  return 0;
}
