// The device of one model: its memory, its stream, the graphs of its steps, and how inputs and outputs come and go. Everything is
// allocated by create(), except that a list of steps is captured at its first run with new extents.
#include "cortado_cuda/device.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "cortado_cuda/cortado_cuda.h"

namespace cortado {

namespace {

// Graphs kept per list of steps: one for each of the extents that were met last.
constexpr int kGraphsPerList = 8;

struct CapturedGraph {
  cudaGraphExec_t exec;
};

std::size_t extents_bytes(const NetDescription& net) { return net.info.n_symbols * sizeof(std::int64_t); }

bool read_options(const cortado_options& given, cortado_cuda_options* options) {
  *options = cortado_default_cuda_options();
  const auto* const own = static_cast<const cortado_cuda_options*>(given.device_options);
  if (own == nullptr) return true;
  if (own->struct_size < sizeof own->struct_size || own->struct_size > sizeof *options) return false;
  std::memcpy(options, own, own->struct_size);
  return true;
}

bool is_aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % CORTADO_DEVICE_ALIGNMENT == 0; }

}  // namespace

// Reaches into RunContext on behalf of the functions at the end.
class Device {
 public:
  // The state, then the graphs of each list, then the extents that each graph was captured for.
  static std::size_t state_bytes(const NetDescription& net) {
    const std::size_t graphs = static_cast<std::size_t>(net.device->graphs) * kGraphsPerList;
    return sizeof(Device) + graphs * (sizeof(CapturedGraph) + extents_bytes(net)) + static_cast<std::size_t>(net.device->graphs) * sizeof(int);
  }

  static Status create(RunContext& run, void* state, std::size_t weight_bytes, const cortado_options& options) {
    cortado_cuda_options own;
    if (!read_options(options, &own)) return CORTADO_BAD_STRUCT_SIZE;
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || own.device < 0 || own.device >= count) return CORTADO_NO_DEVICE;
    if (cudaSetDevice(own.device) != cudaSuccess) return CORTADO_NO_DEVICE;
    auto* const device = ::new (state) Device(run);
    device->ordinal_ = own.device;
    run.device_ = device;
    std::memset(device->graphs(), 0, state_bytes(*run.net_) - sizeof(Device));
    return device->open(own, weight_bytes);
  }

  static void destroy(RunContext& run) { run.device_->close(); }

  static bool begin(RunContext& run) { return run.device_->bring_inputs(); }
  static bool end(RunContext& run) { return run.device_->bring_outputs(); }

  static bool submit(RunContext& run, const DeviceList& list) { return run.device_->submit_list(list); }
  static bool wait(RunContext& run) { return run.device_->wait(); }

  static Status run_on(Model* model, const cortado_tensor* inputs, std::size_t n_inputs, cortado_tensor* outputs,
                       std::size_t n_outputs, void* stream) {
    Device* const device = model->context.device_;
    if (device == nullptr) return CORTADO_NO_DEVICE;
    device->stream_ = static_cast<cudaStream_t>(stream);
    device->is_external_ = true;
    const Status status = run_model(model, inputs, n_inputs, outputs, n_outputs);
    device->stream_ = device->own_stream_;
    device->is_external_ = false;
    return status;
  }

  static const void* weights(const Model* model) {
    const Device* const device = model->context.device_;
    return device != nullptr ? device->weights_ : nullptr;
  }

  static void trace(RunContext& run, int op, const char* blob, cortado_tensor* tensor) { run.trace_(run.trace_user_, op, blob, tensor); }
  static bool failed(RunContext& run, cudaError_t error) { return run.device_->fail(error); }

 private:
  explicit Device(RunContext& run) : run_(run) {}

  static Status run_model(Model* model, const cortado_tensor* inputs, std::size_t n_inputs, cortado_tensor* outputs,
                          std::size_t n_outputs) {
    return cortado::run(model, inputs, n_inputs, outputs, n_outputs);
  }

  const NetDescription& net() const { return *run_.net_; }
  const DeviceDescription& description() const { return *run_.net_->device; }

  CapturedGraph* graphs() { return reinterpret_cast<CapturedGraph*>(this + 1); }
  int graph_count() const { return description().graphs * kGraphsPerList; }
  std::int64_t* extents_of(int graph) {
    auto* const first = reinterpret_cast<std::int64_t*>(graphs() + graph_count());
    return first + static_cast<std::size_t>(graph) * net().info.n_symbols;
  }
  // Which graph of a list is replaced next.
  int* oldest() { return reinterpret_cast<int*>(extents_of(graph_count())); }

  Status open(const cortado_cuda_options& options, std::size_t weight_bytes) {
    if (!is_aligned(options.arena) || !is_aligned(options.weights)) return CORTADO_DEVICE_MEMORY;
    if (options.arena != nullptr && options.arena_bytes < description().arena_bytes) return CORTADO_DEVICE_MEMORY;
    if (options.stream == nullptr) {
      if (cudaStreamCreateWithFlags(&created_stream_, cudaStreamNonBlocking) != cudaSuccess) return CORTADO_DEVICE_FAILED;
      own_stream_ = created_stream_;
    } else {
      own_stream_ = static_cast<cudaStream_t>(options.stream);
    }
    stream_ = own_stream_;
    if (cudaStreamCreateWithFlags(&capture_stream_, cudaStreamNonBlocking) != cudaSuccess) return CORTADO_DEVICE_FAILED;
    for (cudaEvent_t& event : events_)
      if (cudaEventCreate(&event) != cudaSuccess) return CORTADO_DEVICE_FAILED;
    const Status status = find_memory(options, weight_bytes);
    // What find_memory filled is filled on the default stream, which streams of this kind do not wait for.
    if (status == CORTADO_OK && cudaStreamSynchronize(nullptr) != cudaSuccess) return CORTADO_DEVICE_FAILED;
    // Pinned memory makes copies from and to the host's arena asynchronous; without it they are right, too.
    const std::size_t host_bytes = net().info.arena_bytes;
    is_pinned_ = host_bytes > 0 && cudaHostRegister(run_.arenas_[0], host_bytes, cudaHostRegisterDefault) == cudaSuccess;
    if (!is_pinned_) cudaGetLastError();
    return status;
  }

  Status find_memory(const cortado_cuda_options& options, std::size_t weight_bytes) {
    arena_ = static_cast<std::uint8_t*>(options.arena);
    if (arena_ == nullptr && description().arena_bytes > 0) {
      if (cudaMalloc(&owned_arena_, description().arena_bytes) != cudaSuccess) return CORTADO_DEVICE_MEMORY;
      arena_ = static_cast<std::uint8_t*>(owned_arena_);
    }
    const std::size_t counter_bytes = static_cast<std::size_t>(description().counters) * sizeof(unsigned);
    if (counter_bytes > 0 && cudaMalloc(&counters_, counter_bytes) != cudaSuccess) return CORTADO_DEVICE_MEMORY;
    if (counter_bytes > 0 && cudaMemset(counters_, 0, counter_bytes) != cudaSuccess) return CORTADO_DEVICE_FAILED;
    weights_ = static_cast<const std::uint8_t*>(options.weights);
    if (weights_ != nullptr || weight_bytes <= sizeof(WeightHeader)) return CORTADO_OK;
    const std::size_t bytes = weight_bytes - sizeof(WeightHeader);
    if (cudaMalloc(&owned_weights_, bytes) != cudaSuccess) return CORTADO_DEVICE_MEMORY;
    weights_ = static_cast<const std::uint8_t*>(owned_weights_);
    const bool ok = cudaMemcpy(owned_weights_, run_.weights_, bytes, cudaMemcpyHostToDevice) == cudaSuccess;
    return ok ? CORTADO_OK : CORTADO_DEVICE_FAILED;
  }

  void close() {
    cudaSetDevice(ordinal_);
    if (own_stream_ != nullptr) cudaStreamSynchronize(own_stream_);
    for (int i = 0; i < graph_count(); ++i)
      if (graphs()[i].exec != nullptr) cudaGraphExecDestroy(graphs()[i].exec);
    for (cudaEvent_t event : events_)
      if (event != nullptr) cudaEventDestroy(event);
    if (capture_stream_ != nullptr) cudaStreamDestroy(capture_stream_);
    if (created_stream_ != nullptr) cudaStreamDestroy(created_stream_);
    cudaFree(owned_arena_);
    cudaFree(owned_weights_);
    cudaFree(counters_);
    if (is_pinned_) cudaHostUnregister(run_.arenas_[0]);
  }

  bool check(cudaError_t error) { return error == cudaSuccess || fail(error); }

  // The fault's `got` is CUDA's error.
  bool fail(cudaError_t error) {
    run_.check(CORTADO_DEVICE_FAILED, static_cast<std::int64_t>(error));
    cudaGetLastError();
    return false;
  }

  bool wait() { return check(cudaStreamSynchronize(stream_)); }

  // ---- inputs and outputs --------------------------------------------------------------------------------------------

  std::size_t input_bytes(std::size_t i) const {
    const cortado_tensor_info& info = net().info.inputs[i];
    std::size_t bytes = cortado_dtype_bytes(info.dtype);
    for (int d = 0; d < info.rank; ++d) bytes *= static_cast<std::size_t>(run_.inputs_[i].dims[d]);
    return bytes;
  }

  // Into the room on the device, the room on the host, or both: whoever reads the input. Host rooms are ready when this returns.
  bool bring_inputs() {
    // The current device is each thread's own, and runs may come from any thread.
    if (!check(cudaSetDevice(ordinal_))) return false;
    bool waits = false;
    for (std::size_t i = 0; i < net().info.n_inputs; ++i) {
      RunContext::Input& slot = run_.inputs_[i];
      const std::size_t room_bytes = net().info.inputs[i].max_bytes;
      const std::size_t bytes = slot.data != nullptr ? input_bytes(i) : 0;
      if (description().input_offsets[i] != kInPlace) {
        std::uint8_t* const room = arena_ + description().input_offsets[i];
        if (!slot.present && !check(cudaMemsetAsync(room, 0, room_bytes, stream_))) return false;
        if (bytes > 0 && !check(cudaMemcpyAsync(room, slot.data, bytes, cudaMemcpyDefault, stream_))) return false;
      }
      if (net().input_offsets[i] == kInPlace) continue;
      std::uint8_t* const room = run_.arenas_[0] + net().input_offsets[i];
      if (!slot.present) std::memset(room, 0, room_bytes);
      else if (bytes > 0 && is_external_) waits = true, check(cudaMemcpyAsync(room, slot.data, bytes, cudaMemcpyDefault, stream_));
      else if (bytes > 0) std::memcpy(room, slot.data, bytes);
      slot.data = room;
    }
    for (std::size_t i = 0; i < net().info.n_outputs; ++i) {
      // Steps of the host make results in the arena, whose place a captured graph may know.
      run_.outputs_[i].keeps_room = true;
      run_.outputs_[i].data = run_.arenas_[0] + net().output_offsets[i];
    }
    return (!waits || wait()) && run_.ok();
  }

  bool bring_outputs() {
    for (std::size_t i = 0; i < net().info.n_outputs; ++i)
      if (!bring_output(i)) return false;
    // The caller of run() may read the results at once; on a stream of his own he waits himself.
    return is_external_ || wait();
  }

  bool bring_output(std::size_t i) {
    RunContext::Output& slot = run_.outputs_[i];
    const bool is_made_here = description().output_offsets[i] != kInPlace;
    std::uint8_t* const made = is_made_here ? arena_ + description().output_offsets[i] : slot.data;
    std::size_t bytes = slot.rank < 0 ? 0 : cortado_dtype_bytes(net().info.outputs[i].dtype);
    for (int d = 0; d < slot.rank; ++d) bytes *= static_cast<std::size_t>(slot.dims[d]);
    std::uint8_t* wanted = slot.caller;
    // Without a buffer of the caller's: pointed into the arena, that of the device if the caller is there, too.
    if (wanted == nullptr) wanted = !is_external_ ? slot.data : is_made_here ? made : nullptr;
    slot.data = wanted;
    if (made == wanted || wanted == nullptr || bytes == 0) return true;
    return check(cudaMemcpyAsync(wanted, made, bytes, cudaMemcpyDefault, stream_));
  }

  // ---- steps ---------------------------------------------------------------------------------------------------------

  bool submit_list(const DeviceList& list) {
    cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
    if (is_external_ && !check(cudaStreamIsCapturing(stream_, &capturing))) return false;
    if (run_.profile_ns_ != nullptr) return submit_profiled(list);
    if (run_.trace_ != nullptr || capturing != cudaStreamCaptureStatusNone) return submit_each(list.steps, list.count, stream_);
    cudaGraphExec_t graph = find_graph(list.index);
    if (graph == nullptr) graph = capture(list);
    if (graph != nullptr) return check(cudaGraphLaunch(graph, stream_));
    // What cannot be captured now, say because a kernel had to be loaded first, runs step by step; the next run tries again.
    cudaGetLastError();
    return submit_each(list.steps, list.count, stream_);
  }

  bool submit_each(const DeviceStep* steps, int count, cudaStream_t stream) {
    return check(submit_to(steps, count, stream)) && run_.ok();
  }

  // The first error of a launch.
  cudaError_t submit_to(const DeviceStep* steps, int count, cudaStream_t stream) {
    const DeviceRun run(run_, arena_, weights_, static_cast<unsigned*>(counters_), stream, run_.trace_ != nullptr);
    for (int i = 0; i < count; ++i) {
      run_.layer_ = steps[i].layer;
      steps[i].function(run);
      const cudaError_t error = cudaGetLastError();
      if (error != cudaSuccess) return error;
    }
    return cudaSuccess;
  }

  // Each step between two events.
  bool submit_profiled(const DeviceList& list) {
    for (int i = 0; i < list.count; ++i) {
      const DeviceStep* const step = list.steps + i;
      float ms = 0;
      if (!check(cudaEventRecord(events_[0], stream_)) || !submit_each(step, 1, stream_) || !check(cudaEventRecord(events_[1], stream_)) ||
          !check(cudaEventSynchronize(events_[1])) || !check(cudaEventElapsedTime(&ms, events_[0], events_[1])))
        return false;
      run_.profile_ns_[step->layer] += static_cast<std::uint64_t>(static_cast<double>(ms) * 1e6);
    }
    return true;
  }

  cudaGraphExec_t find_graph(int list) {
    for (int i = list * kGraphsPerList; i < (list + 1) * kGraphsPerList; ++i)
      if (graphs()[i].exec != nullptr && std::memcmp(extents_of(i), run_.extents_, extents_bytes(net())) == 0) return graphs()[i].exec;
    return nullptr;
  }

  // nullptr: nothing was captured.
  cudaGraphExec_t capture(const DeviceList& list) {
    if (cudaStreamBeginCapture(capture_stream_, cudaStreamCaptureModeThreadLocal) != cudaSuccess) return nullptr;
    const bool submitted = submit_to(list.steps, list.count, capture_stream_) == cudaSuccess;
    cudaGraph_t graph = nullptr;
    if (cudaStreamEndCapture(capture_stream_, &graph) != cudaSuccess) return nullptr;
    cudaGraphExec_t exec = nullptr;
    const bool made = submitted && cudaGraphInstantiateWithFlags(&exec, graph, 0) == cudaSuccess;
    cudaGraphDestroy(graph);
    if (!made) return nullptr;
    int& next = oldest()[list.index];
    const int slot = list.index * kGraphsPerList + next;
    next = (next + 1) % kGraphsPerList;
    if (graphs()[slot].exec != nullptr) {
      cudaStreamSynchronize(stream_);  // it may still run
      cudaGraphExecDestroy(graphs()[slot].exec);
    }
    graphs()[slot].exec = exec;
    std::memcpy(extents_of(slot), run_.extents_, extents_bytes(net()));
    return exec;
  }

  RunContext& run_;
  int ordinal_ = 0;
  cudaStream_t stream_ = nullptr;          // of this run
  cudaStream_t own_stream_ = nullptr;      // of run()
  cudaStream_t created_stream_ = nullptr;  // to be destroyed
  cudaStream_t capture_stream_ = nullptr;
  cudaEvent_t events_[2] = {};
  std::uint8_t* arena_ = nullptr;
  const std::uint8_t* weights_ = nullptr;  // from the end of the header
  void* owned_arena_ = nullptr;
  void* owned_weights_ = nullptr;
  void* counters_ = nullptr;
  bool is_pinned_ = false;
  bool is_external_ = false;  // tensors are on the device, the stream is the caller's
};

const DeviceRuntime kCudaRuntime = {Device::state_bytes, Device::create, Device::destroy, Device::begin, Device::end};

bool run_on_device(RunContext& run, const DeviceList& list) { return Device::submit(run, list); }

bool wait_for_device(RunContext& run) { return Device::wait(run); }

Status run_device(Model* model, const cortado_tensor* inputs, std::size_t n_inputs, cortado_tensor* outputs, std::size_t n_outputs,
                  void* stream) {
  if (model == nullptr) return CORTADO_NULL_ARGUMENT;
  return Device::run_on(model, inputs, n_inputs, outputs, n_outputs, stream);
}

const void* device_weights(const Model* model) { return model != nullptr ? Device::weights(model) : nullptr; }

namespace {

float widen(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 1023u;
  std::uint32_t bits = sign | (exponent + 112) << 23 | fraction << 13;
  if (exponent == 31) bits = sign | 0x7f800000u | fraction << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  // Without an exponent the fraction counts in steps of 2^-24.
  return exponent == 0 ? (sign != 0 ? -1.0f : 1.0f) * static_cast<float>(fraction) * 0x1p-24f : value;
}

}  // namespace

void DeviceRun::trace_tensor(int op, const char* blob, const void* data, std::size_t element_bytes, std::int32_t dtype, int stored, int rank,
                             const std::int64_t* dims) const {
  std::int64_t count = 1, pixels = 1;
  for (int d = 0; d < rank; ++d) count *= dims[d];
  for (int d = 2; d < rank; ++d) pixels *= dims[d];
  const std::int64_t images = rank > 0 ? dims[0] : 1, channels = rank > 1 ? dims[1] : 1;
  // Of the last pixel only the tensor's own channels: it may be part of a wider image.
  const std::int64_t elements = stored > 0 && count > 0 ? (images * pixels - 1) * stored + channels : count;
  const std::size_t bytes = static_cast<std::size_t>(elements) * element_bytes;
  const std::size_t result_bytes = cortado_dtype_bytes(dtype);
  auto* const copy = static_cast<std::uint8_t*>(std::malloc(bytes + 1));
  auto* const dense = static_cast<std::uint8_t*>(std::malloc(static_cast<std::size_t>(count) * result_bytes + 1));
  cudaError_t error = copy == nullptr || dense == nullptr ? cudaErrorMemoryAllocation : cudaMemcpyAsync(copy, data, bytes, cudaMemcpyDeviceToHost, stream_);
  if (error == cudaSuccess) error = cudaStreamSynchronize(stream_);
  if (error != cudaSuccess) {
    Device::failed(host_, error);
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t image = i / (channels * pixels), c = i / pixels % channels, p = i % pixels;
      const std::uint8_t* from = copy + static_cast<std::size_t>(stored > 0 ? (image * pixels + p) * stored + c : i) * element_bytes;
      std::uint8_t* const to = dense + static_cast<std::size_t>(i) * result_bytes;
      if (element_bytes == result_bytes) {
        std::memcpy(to, from, element_bytes);
      } else {
        std::uint16_t half;
        std::memcpy(&half, from, sizeof half);
        const float value = widen(half);
        std::memcpy(to, &value, sizeof value);
      }
    }
    cortado_tensor tensor{dense, static_cast<std::size_t>(count) * result_bytes, dtype, rank, {}};
    for (int d = 0; d < rank; ++d) tensor.dims[d] = dims[d];
    Device::trace(host_, op, blob, &tensor);
  }
  std::free(copy);
  std::free(dense);
}

}  // namespace cortado
