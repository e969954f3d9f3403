// picture: by hand, in the form the compiler prints. See picture_net.h.
#include "picture_net.h"

#include <cstring>

#include "cortado/model.h"

namespace {

using namespace cortado;

constexpr int kH = 0;
constexpr int kW = 1;

constexpr cortado_symbol_info kSymbols[] = {
    {"H", 2, 64, 2},
    {"W", 2, 64, 2},
};

constexpr cortado_tensor_info kInputs[] = {
    {"image", CORTADO_UINT8, 4, 4, 0, {1, 64, 64, 4}, {1, 2, 2, 4}, {-1, kH, kW, -1}, 16384},
    {"planes", CORTADO_FLOAT32, 4, 4, 1, {1, 3, 4, 6}, {1, 3, 4, 6}, {-1, -1, -1, -1}, 288},
};

constexpr cortado_tensor_info kOutputs[] = {
    {"inverted", CORTADO_UINT8, 4, 4, 0, {1, 64, 64, 4}, {1, 2, 2, 4}, {-1, kH, kW, -1}, 16384},
    {"copy", CORTADO_FLOAT32, 4, 4, 0, {1, 3, 4, 6}, {1, 3, 4, 6}, {-1, -1, -1, -1}, 288},
    {"half", CORTADO_FLOAT32, 4, 4, 0, {1, 1, 4, 6}, {1, 1, 4, 6}, {-1, -1, -1, -1}, 96},
};

constexpr cortado_layer kLayers[] = {
    {0, "Invert", "inverted", "invert", "u8[1,H<=64,W<=64,4]", 0, 32768},
    {1, "Copy", "copy", "copy", "f32[1,3,4,6]", 0, 576},
    {2, "Scale", "half", "scale", "f32[1,1,4,6]", 24, 192},
};

constexpr std::size_t kInputOffsets[] = {kInPlace, 16384};
constexpr std::size_t kOutputOffsets[] = {0, 16704, 17024};

// op 0 Invert image -> inverted  u8[1,H<=64,W<=64,4]
void step_0(RunContext& run, Part) {
  const std::int64_t pixels = run.extent(kH) * run.extent(kW);
  for (std::int64_t i = 0; i < pixels * 4; ++i) {
    const std::uint8_t value = run.input<std::uint8_t>(0)[i];
    run.output<std::uint8_t>(0)[i] = i % 4 == 3 ? value : static_cast<std::uint8_t>(255 - value);
  }
}

// op 1 Copy planes -> copy  f32[1,3,4,6]
void step_1(RunContext& run, Part) { std::memcpy(run.output<float>(1), run.input<float>(1), 288); }

// op 2 Scale planes -> half  f32[1,1,4,6]
void step_2(RunContext& run, Part) {
  for (int i = 0; i < 24; ++i) run.output<float>(2)[i] = 0.5f * run.input<float>(1)[i];
}

void run_net(RunContext& run) {
  if (!run.shape_output(0, 1, run.extent(kH), run.extent(kW), 4)) return;
  if (!run.shape_output(1, 1, 3, 4, 6)) return;
  if (!run.shape_output(2, 1, 1, 4, 6)) return;
  run.step(0, step_0, 1);
  run.step(1, step_1, 1);
  run.step(2, step_2, 1);
}

}  // namespace

extern const NetDescription picture_net;
const NetDescription picture_net = {
    {"picture", "x86-64", "0.1.0", kInputs, 2, kOutputs, 3, kSymbols, 2, kLayers, 3, 3, PICTURE_ARENA_BYTES,
     PICTURE_WEIGHT_BYTES, PICTURE_STACK_BYTES, 1, nullptr, 0},
    kInputOffsets,
    kOutputOffsets,
    nullptr,
    nullptr,
    0,
    0,
    run_net,
};

struct picture_model : Model {};

extern "C" {

const cortado_model_info* picture_info(void) { return &picture_net.info; }

size_t picture_memory_bytes(const cortado_options* options) { return memory_bytes(picture_net, options); }

cortado_status picture_create(void* memory, size_t bytes, const cortado_options* options, picture_model** model) {
  return create(picture_net, memory, bytes, options, reinterpret_cast<Model**>(model));
}

cortado_status picture_run(picture_model* model, const cortado_tensor* inputs, size_t n_inputs, cortado_tensor* outputs,
                           size_t n_outputs) {
  return run(model, inputs, n_inputs, outputs, n_outputs);
}

void picture_destroy(picture_model* model) { destroy(model); }

cortado_fault picture_last_fault(const picture_model* model) { return last_fault(model); }

size_t picture_last_fault_text(const picture_model* model, char* text, size_t bytes) {
  return fault_text(picture_net, last_fault(model), text, bytes);
}

void picture_set_profile(picture_model* model, uint64_t* ns_per_layer) { set_profile(model, ns_per_layer); }

const void* picture_weights(const picture_model* model, size_t* bytes) { return weights(model, bytes); }

}  // extern "C"
