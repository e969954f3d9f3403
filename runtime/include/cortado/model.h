// What a generated net is made of (NetDescription) and what its steps see while running (RunContext).
// Generated code includes this file and the kernels, nothing else; runtime/CONTRACT.md shows a whole net.
// Needs no libstdc++ and no heap, except create() when it is asked to own the memory. All sizes were fixed at
// compile time: nothing here allocates while a net runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cortado/cortado.h"
#include "cortado/part.h"
#include "cortado/weights.h"

namespace cortado {

using Status = cortado_status;

class Device;
class RunContext;
class ThreadPool;

// Computes one part of a step; parts of one step never write the same bytes.
using StepFunction = void (*)(RunContext& run, Part part);

// In place of an arena offset: the tensor has no room in the arena and the caller's buffer is used.
inline constexpr std::size_t kInPlace = ~std::size_t{0};

// Bits of NetDescription::cpu_features: what create() asks of the machine.
enum CpuFeature : std::uint32_t {
  kCpuAvx2Fma = 1u << 0,
  kCpuAvx512 = 1u << 1,  // F, BW, DQ, VL
  kCpuAvx512Vnni = 1u << 2,
  kCpuAvx512Bf16 = 1u << 3,
  kCpuAmxInt8 = 1u << 4,
  kCpuAmxBf16 = 1u << 5,
  kCpuF16c = 1u << 6,
  kCpuArmNeon = 1u << 8,
  kCpuArmDotProd = 1u << 9,
  kCpuArmI8mm = 1u << 10,
  kCpuArmFp16 = 1u << 11,
};

struct DeviceRuntime;

// What a net with steps on a device adds. Offsets count from the start of the device's arena.
struct DeviceDescription {
  const DeviceRuntime* runtime;
  std::size_t arena_bytes;
  // One entry per input: where it is copied to at the start of a run, or kInPlace if no step on the device reads it.
  const std::size_t* input_offsets;
  // One entry per output: where the device leaves it, or kInPlace if a step of the host makes it.
  const std::size_t* output_offsets;
  int graphs;    // lists of steps
  int counters;  // words that are 0 between steps
};

// All that the runtime knows about a net; one constant per net, printed by the compiler.
struct NetDescription {
  cortado_model_info info;
  // Offsets count through all parts of the arena. One entry per input: kInPlace, or the offset it is copied to at the start of a run (zeros when absent).
  const std::size_t* input_offsets;
  // One entry per output: its room in the arena (max_bytes), or kInPlace if callers must bring a buffer.
  const std::size_t* output_offsets;
  const std::uint8_t* linked_weights;  // the whole weight file in this binary, or nullptr
  const char* weights_file;            // name of the separate weight file, or nullptr
  std::uint64_t weights_id;            // WeightHeader::id of the weights this code was made for
  std::uint32_t cpu_features;
  void (*run)(RunContext& run);
  const DeviceDescription* device = nullptr;  // nullptr: every step runs on the host
};

template <class T>
struct DtypeOf;
template <> struct DtypeOf<float> { static constexpr std::int32_t kValue = CORTADO_FLOAT32; };
template <> struct DtypeOf<double> { static constexpr std::int32_t kValue = CORTADO_FLOAT64; };
template <> struct DtypeOf<bool> { static constexpr std::int32_t kValue = CORTADO_BOOL; };
template <> struct DtypeOf<std::uint8_t> { static constexpr std::int32_t kValue = CORTADO_UINT8; };
template <> struct DtypeOf<std::int8_t> { static constexpr std::int32_t kValue = CORTADO_INT8; };
template <> struct DtypeOf<std::uint16_t> { static constexpr std::int32_t kValue = CORTADO_UINT16; };
template <> struct DtypeOf<std::int16_t> { static constexpr std::int32_t kValue = CORTADO_INT16; };
template <> struct DtypeOf<std::int32_t> { static constexpr std::int32_t kValue = CORTADO_INT32; };
template <> struct DtypeOf<std::int64_t> { static constexpr std::int32_t kValue = CORTADO_INT64; };

// One run of one model. Pointers from at() and weight() are aligned to 64 bytes when the offset is;
// those from input() and output() may be the caller's, aligned to their element only.
class RunContext {
 public:
  // kArena: the part of the arena, for nets planned for several memory regions; offsets count from its start.
  template <class T, int kArena = 0>
  T* at(std::size_t offset) const { return reinterpret_cast<T*>(arenas_[kArena] + offset); }

  template <class T>
  const T* weight(std::size_t offset) const { return reinterpret_cast<const T*>(weights_ + offset); }

  // nullptr for an absent optional input that is used in place. An input without elements may be nullptr too.
  template <class T>
  const T* input(int index) const { return reinterpret_cast<const T*>(inputs_[index].data); }

  template <class T>
  T* output(int index) const { return reinterpret_cast<T*>(outputs_[index].data); }

  // This part's own piece of a scratch buffer that starts at `offset` and has bytes_per_part for each part.
  template <class T, int kArena = 0>
  T* scratch(Part part, std::size_t offset, std::size_t bytes_per_part) const {
    return at<T, kArena>(offset + static_cast<std::size_t>(part.index) * bytes_per_part);
  }

  bool has_input(int index) const { return inputs_[index].present; }
  std::int64_t input_dim(int index, int dim) const { return inputs_[index].dims[dim]; }

  // The value of a symbol: bound by the input dimensions, or by set_extent in an earlier step.
  std::int64_t extent(int symbol) const { return extents_[symbol]; }
  // False, and the run has failed, if the value is outside the symbol's bounds. For steps with one part.
  bool set_extent(int symbol, std::int64_t value);

  // The rank and dims of an output whose size is known and which no step has written yet: from here on output<T>(index) is the
  // caller's buffer if one was given. False, and the run has failed, if the dims exceed their bounds or that buffer.
  template <class... Dims>
  bool shape_output(int index, Dims... dims) {
    const std::int64_t values[] = {static_cast<std::int64_t>(dims)..., 0};
    return set_output_shape(index, rank_of<Dims...>(), values, true);
  }

  // The same for an output that is already written, its size being one of the net's results. It is copied to the
  // caller at the end if his buffer was too small for the worst case and large enough for the result.
  template <class... Dims>
  bool settle_output(int index, Dims... dims) {
    const std::int64_t values[] = {static_cast<std::int64_t>(dims)..., 0};
    return set_output_shape(index, rank_of<Dims...>(), values, false);
  }

  // Runs one step, split into at most `parts` parts; layer is its index in info.layers. False if the run has failed:
  // steps that can fail are followed by a return, all others need no test.
  bool step(int layer, StepFunction function, int parts);

  // For kernels that depend on values: any status but CORTADO_OK fails the run. Parts may call it concurrently;
  // the first one wins. got, min and max say what was met and what is allowed, where that makes sense.
  void check(Status status, std::int64_t got = 0, std::int64_t min = 0, std::int64_t max = 0);
  bool ok() const { return status_.load(std::memory_order_relaxed) == CORTADO_OK; }

  // Hands a dense tensor to the trace function, if one is set. Emitted by `--trace` builds alone.
  template <class T, class... Dims>
  void trace(int op, const char* blob, const T* data, Dims... dims) {
    if (trace_ == nullptr) return;
    const std::int64_t values[] = {static_cast<std::int64_t>(dims)..., 0};
    trace_tensor(op, blob, data, DtypeOf<T>::kValue, rank_of<Dims...>(), values);
  }

 private:
  friend class Builder;
  friend class Runner;
  friend class Device;

  struct Input {
    const std::uint8_t* data;
    bool present;
    std::int64_t dims[CORTADO_MAX_RANK];
  };
  struct Output {
    std::uint8_t* data;    // where steps write
    std::uint8_t* caller;  // where the result is wanted, or nullptr: in the arena
    std::size_t capacity;  // of the caller's buffer
    bool keeps_room;       // the caller's buffer is none that the host can write to
    std::int32_t rank;     // -1 until shaped or settled
    std::int64_t dims[CORTADO_MAX_RANK];
  };

  template <class... Dims>
  static constexpr int rank_of() {
    static_assert(sizeof...(Dims) <= CORTADO_MAX_RANK, "rank above CORTADO_MAX_RANK");
    return static_cast<int>(sizeof...(Dims));
  }

  bool set_output_shape(int index, int rank, const std::int64_t* dims, bool before_writing);
  bool fail(cortado_fault fault);  // always false
  void dispatch(StepFunction function, int parts);
  friend constexpr std::size_t state_bytes(std::size_t inputs, std::size_t outputs, std::size_t symbols);
  // An offset that counts through all parts of the arena, first to last.
  std::uint8_t* room_at(std::size_t offset) const;
  void trace_tensor(int op, const char* blob, const void* data, std::int32_t dtype, int rank, const std::int64_t* dims);

  std::uint8_t* arenas_[CORTADO_MAX_ARENAS] = {};
  const std::uint8_t* weights_ = nullptr;
  Input* inputs_ = nullptr;
  Output* outputs_ = nullptr;
  std::int64_t* extents_ = nullptr;
  ThreadPool* pool_ = nullptr;
  const NetDescription* net_ = nullptr;
  std::uint64_t* profile_ns_ = nullptr;
  std::uint64_t (*clock_ns_)() = nullptr;
  cortado_trace_fn trace_ = nullptr;
  void* trace_user_ = nullptr;
  Device* device_ = nullptr;
  int layer_ = -1;
  std::atomic<int> status_{CORTADO_OK};
  cortado_fault fault_{};
};

// An instance; generated code derives its opaque C type from it and touches nothing inside.
struct Model {
  RunContext context;
  const NetDescription* net = nullptr;
  std::atomic<int> busy{0};  // a word: RISC-V compilers call a library to exchange bytes
  int threads = 1;
  void* owned_memory = nullptr;  // what destroy() frees
  std::size_t owned_bytes = 0;
  MappedFile weights_file{nullptr, 0};
  const void* weights = nullptr;
  std::size_t weights_bytes = 0;
};

// How the runtime drives a device: runtime/cuda has the one for CUDA.
struct DeviceRuntime {
  // Room for the device's own state, in the model's memory.
  std::size_t (*state_bytes)(const NetDescription& net);
  Status (*create)(RunContext& run, void* state, std::size_t weight_bytes, const cortado_options& options);
  void (*destroy)(RunContext& run);
  // Brings the inputs; before the first step. False: the run has failed.
  bool (*begin)(RunContext& run);
  // Brings the outputs; after the last step of a run that did not fail.
  bool (*end)(RunContext& run);
};

constexpr std::size_t round_to_alignment(std::size_t bytes) { return (bytes + CORTADO_ALIGNMENT - 1) / CORTADO_ALIGNMENT * CORTADO_ALIGNMENT; }

// What create() needs besides the arena and threads, from a 64-byte boundary on.
constexpr std::size_t state_bytes(std::size_t inputs, std::size_t outputs, std::size_t symbols) {
  return round_to_alignment(sizeof(Model)) + round_to_alignment(inputs * sizeof(RunContext::Input)) +
         round_to_alignment(outputs * sizeof(RunContext::Output)) + round_to_alignment(symbols * sizeof(std::int64_t));
}

// The generated C functions are one-line calls of these; see cortado.h for what each promises.
std::size_t memory_bytes(const NetDescription& net, const cortado_options* options);
Status create(const NetDescription& net, void* memory, std::size_t memory_size, const cortado_options* options,
              Model** model);
Status run(Model* model, const cortado_tensor* inputs, std::size_t n_inputs, cortado_tensor* outputs,
           std::size_t n_outputs);
void destroy(Model* model);

cortado_fault last_fault(const Model* model);
// One line without a full stop, cut to fit and always terminated; returns the length without the zero.
std::size_t fault_text(const NetDescription& net, const cortado_fault& fault, char* text, std::size_t text_bytes);
// Adds each layer's nanoseconds to ns_per_layer[info.n_layers] on every run; nullptr stops.
void set_profile(Model* model, std::uint64_t* ns_per_layer);
void set_trace(Model* model, cortado_trace_fn trace, void* user);
// The weights in use, for cortado_options::weights of further instances.
const void* weights(const Model* model, std::size_t* weights_bytes);
int threads(const Model* model);

}  // namespace cortado
