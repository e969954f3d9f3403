// One net of a batch program, run on the inputs of a file: what the drivers for operating systems (batch_driver.cc) and for
// machines without one (bare_batch_driver.cc) share. Every net runs twice, with different garbage in the arena, first with
// outputs in the arena, then into buffers of the caller; the results must be equal bit by bit.
//
// All numbers of both files are little-endian int64; bytes are padded to a multiple of 8.
//   inputs:  per net: weight bytes, weights, input count, then per input: dtype, rank, dims, byte count (-1: absent), bytes
//   results: per net: kind; 0 = finished: status, op, layer name (byte count, bytes), output count, then per output: dtype,
//            rank, dims, byte count, bytes; 1 = crashed: signal; 2 = the two runs differ: index of the output; 3 = bytes
//            beside a buffer changed
#pragma once

#include <cstring>

#include "batch_net.h"

// Lists of nets, one per generated file; generated beside the driver.
extern const BatchNet* const kBatches[];
extern const int kBatchCount;

namespace batch {

constexpr size_t kMaxTensors = 64;

// What each driver brings. Ends the program:
[[noreturn]] void stop(const char* message);
// Memory filled with `fill`, whose last byte is followed by guards.
void* guarded(size_t bytes, unsigned char fill);
// False when a guard was overwritten (or accesses to guards end the program at once).
bool buffers_intact();
void write_result(const void* data, size_t bytes);

inline size_t text_length(const char* text) {
  size_t length = 0;
  while (text[length] != '\0') length++;
  return length;
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
inline NetInputs read_inputs(Reader& reader, bool copy) {
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

inline void put(int64_t value) { write_result(&value, sizeof value); }

inline void put_bytes(const void* data, size_t bytes) {
  const unsigned char zeros[8] = {};
  put(static_cast<int64_t>(bytes));
  write_result(data, bytes);
  write_result(zeros, (8 - bytes % 8) % 8);
}

inline size_t bytes_of(const cortado_tensor& tensor) {
  size_t bytes = cortado_dtype_bytes(tensor.dtype);
  for (int32_t d = 0; d < tensor.rank; d++) bytes *= static_cast<size_t>(tensor.dims[d]);
  return bytes;
}

struct Attempt {
  cortado_status status = CORTADO_OK;
  cortado_fault fault{};
  cortado_tensor outputs[kMaxTensors] = {};
};

inline Attempt attempt(const BatchNet& net, const NetInputs& inputs, bool into_caller, unsigned char garbage) {
  const cortado_model_info& info = *net.info();
  if (info.n_outputs > kMaxTensors) stop("too many outputs");
  cortado_options options = cortado_default_options();
  options.threads = info.threads;
  options.arena_bytes = info.arena_bytes;
  options.arena = guarded(info.arena_bytes, garbage);
  options.weights = inputs.weights_bytes == 0 ? nullptr : inputs.weights;
  options.weights_bytes = inputs.weights_bytes;
  options.check_weights = 1;
  const size_t state_bytes = net.memory_bytes(&options);
  void* state = guarded(state_bytes, garbage);
  Attempt result;
  result.fault.op = -1;
  void* model = nullptr;
  result.status = net.create(state, state_bytes, &options, &model);
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

inline int first_difference(const Attempt& a, const Attempt& b, size_t count) {
  if (a.status != b.status) return 0;
  if (a.status != CORTADO_OK) return -1;
  for (size_t i = 0; i < count; i++) {
    const cortado_tensor &x = a.outputs[i], &y = b.outputs[i];
    const bool same_shape = x.rank == y.rank && std::memcmp(x.dims, y.dims, sizeof(int64_t) * static_cast<size_t>(x.rank)) == 0;
    if (!same_shape || (bytes_of(x) > 0 && std::memcmp(x.data, y.data, bytes_of(x)) != 0)) return static_cast<int>(i);
  }
  return -1;
}

// Runs the net twice and writes its record. False: its device has failed, the process must not use it again.
inline bool run_net(const BatchNet& net, const NetInputs& inputs) {
  const size_t count = net.info()->n_outputs;
  const Attempt first = attempt(net, inputs, false, 0xff);
  const Attempt second = attempt(net, inputs, true, 0x5a);
  const int different = first_difference(first, second, count);
  const bool is_outside = !buffers_intact();
  if (is_outside || different >= 0) {
    put(is_outside ? 3 : 2);
    if (!is_outside) put(different);
    return first.status != CORTADO_DEVICE_FAILED && second.status != CORTADO_DEVICE_FAILED;
  }
  put(0);
  put(first.status);
  put(first.fault.op);
  const char* layer = first.fault.layer == nullptr ? "" : first.fault.layer;
  put_bytes(layer, text_length(layer));
  put(first.status == CORTADO_OK ? static_cast<int64_t>(count) : 0);
  for (size_t i = 0; first.status == CORTADO_OK && i < count; i++) {
    const cortado_tensor& tensor = first.outputs[i];
    put(tensor.dtype);
    put(tensor.rank);
    for (int32_t d = 0; d < tensor.rank; d++) put(tensor.dims[d]);
    put_bytes(tensor.data, bytes_of(tensor));
  }
  return first.status != CORTADO_DEVICE_FAILED;
}

}  // namespace batch
