// example: written by hand in the form the compiler prints; runtime/CONTRACT.md explains each part.
// Target x86-64, 2 threads. Arena 832 bytes, weights 80 bytes.
#include "example_net.h"

#include "cortado/model.h"
#include "example_kernels.h"

extern "C" const std::uint8_t example_linked_weights[];

namespace {

using namespace cortado;

// Symbols: sizes that vary at run time.
constexpr int kN = 0;
constexpr int kR = 1;
constexpr int kK = 2;

// Inputs and outputs, by index.
constexpr int kInData = 0;
constexpr int kInRows = 1;
constexpr int kInNoise = 2;
constexpr int kOutHidden = 0;
constexpr int kOutPicks = 1;
constexpr int kOutGathered = 2;
constexpr int kOutKept = 3;

constexpr cortado_symbol_info kSymbols[] = {
    // name, min, max, multiple of
    {"N", 1, 8, 1},
    {"R", 0, 4, 1},
    {"K", 0, 6, 1},
};

constexpr cortado_tensor_info kInputs[] = {
    // name, dtype, rank, min rank, optional, max dims, min dims, symbols, max bytes
    {"data", CORTADO_FLOAT32, 2, 2, 0, {8, 4}, {1, 4}, {kN, -1}, 128},
    {"rows", CORTADO_INT64, 1, 1, 0, {4}, {0}, {kR}, 32},
    {"noise", CORTADO_FLOAT32, 1, 1, 1, {4}, {4}, {-1}, 16},
};

constexpr cortado_tensor_info kOutputs[] = {
    {"hidden", CORTADO_FLOAT32, 2, 2, 0, {8, 4}, {1, 4}, {kN, -1}, 128},
    {"picks", CORTADO_FLOAT32, 2, 1, 0, {8, 4}, {1, 4}, {-1, -1}, 128},
    {"gathered", CORTADO_FLOAT32, 2, 2, 0, {4, 4}, {0, 4}, {kR, -1}, 64},
    {"kept", CORTADO_FLOAT32, 2, 2, 0, {6, 4}, {0, 4}, {kK, -1}, 96},
};

constexpr cortado_layer kLayers[] = {
    // op, type, blob, kernel, shape, MACs, bytes
    {0, "Add", "hidden", "add_scaled", "f32[N<=8,4]", 32, 272},
    {1, "GT", "any", "first_positive", "bool[1]", 0, 129},
    {3, "Relu", "picks", "relu", "f32[N<=8,4]", 0, 256},
    {5, "Gather", "gathered", "gather_rows", "f32[R<=4,4]", 0, 160},
    {6, "BooleanMask", "kept", "keep_rows", "f32[K<=6,4]", 0, 224},
};

// Where inputs are copied to at the start of a run; kInPlace = used where the caller has them.
constexpr std::size_t kInputOffsets[] = {kInPlace, kInPlace, 768};
// Where outputs lie in the arena when the caller brings no buffer, or one that may be too small.
constexpr std::size_t kOutputOffsets[] = {0, 128, 256, 384};

// op 0 Add data, noise -> hidden  f32[N<=8,4]  32 MAC
void step_0(RunContext& run, Part part) {
  add_scaled(part, run.extent(kN), 4, run.input<float>(kInData), run.weight<float>(0), run.input<float>(kInNoise),
             run.output<float>(kOutHidden));
}

// op 1 GT hidden -> any  bool[1]
void step_1(RunContext& run, Part) { *run.at<bool>(512) = run.output<float>(kOutHidden)[0] > 0.0f; }

// op 3 Relu hidden -> picks  f32[N<=8,4]
void step_2(RunContext& run, Part part) {
  relu(part, run.extent(kN) * 4, run.output<float>(kOutHidden), run.output<float>(kOutPicks));
}

// op 5 Gather hidden, rows -> gathered  f32[R<=4,4]
void step_3(RunContext& run, Part part) {
  gather_rows(run, part, run.extent(kN), run.extent(kR), 4, run.output<float>(kOutHidden), run.input<std::int64_t>(kInRows),
              run.output<float>(kOutGathered));
}

// op 6 BooleanMask hidden -> kept  f32[K<=6,4]
void step_4(RunContext& run, Part part) {
  const std::int64_t kept = keep_rows(part, run.extent(kN), 6, 4, run.output<float>(kOutHidden), run.output<float>(kOutKept));
  run.set_extent(kK, kept);
}

void run_net(RunContext& run) {
  if (!run.shape_output(kOutHidden, run.extent(kN), 4)) return;
  if (!run.shape_output(kOutGathered, run.extent(kR), 4)) return;
  run.step(0, step_0, 2);
  run.step(1, step_1, 1);
  // op 2 If any
  if (*run.at<bool>(512)) {
    if (!run.shape_output(kOutPicks, run.extent(kN), 4)) return;
    run.step(2, step_2, 2);
  } else {
    if (!run.shape_output(kOutPicks, 1)) return;
    run.output<float>(kOutPicks)[0] = 0.0f;  // op 4 ConstantFill -> picks  f32[1]
  }
  if (!run.step(3, step_3, 1)) return;
  if (!run.step(4, step_4, 1)) return;
  if (!run.settle_output(kOutKept, run.extent(kK), 4)) return;
  run.trace(6, "kept", run.output<float>(kOutKept), run.extent(kK), 4);
}

}  // namespace

// What the executable harness links against.
extern const NetDescription example_net;
const NetDescription example_net = {
    {"example", "x86-64", "0.1.0", kInputs, 3, kOutputs, 4, kSymbols, 3, kLayers, 5, 7, EXAMPLE_ARENA_BYTES,
     EXAMPLE_WEIGHT_BYTES, EXAMPLE_STACK_BYTES, 2, nullptr, 0},
    kInputOffsets,
    kOutputOffsets,
    example_linked_weights,
    nullptr,
    0x45584d504c453031u,
    0,
    run_net,
};

struct example_model : Model {};

extern "C" {

const cortado_model_info* example_info(void) { return &example_net.info; }

size_t example_memory_bytes(const cortado_options* options) { return memory_bytes(example_net, options); }

cortado_status example_create(void* memory, size_t bytes, const cortado_options* options, example_model** model) {
  return create(example_net, memory, bytes, options, reinterpret_cast<Model**>(model));
}

cortado_status example_run(example_model* model, const cortado_tensor* inputs, size_t n_inputs,
                           cortado_tensor* outputs, size_t n_outputs) {
  return run(model, inputs, n_inputs, outputs, n_outputs);
}

void example_destroy(example_model* model) { destroy(model); }

cortado_fault example_last_fault(const example_model* model) { return last_fault(model); }

size_t example_last_fault_text(const example_model* model, char* text, size_t bytes) {
  return fault_text(example_net, last_fault(model), text, bytes);
}

void example_set_profile(example_model* model, uint64_t* ns_per_layer) { set_profile(model, ns_per_layer); }

const void* example_weights(const example_model* model, size_t* bytes) { return weights(model, bytes); }

}  // extern "C"
