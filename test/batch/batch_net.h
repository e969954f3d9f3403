// One compiled net of a batch program, as the driver sees it: the C functions of its generated header behind one type.
#pragma once

#include "cortado/cortado.h"

struct BatchNet {
  const char* id;
  const cortado_model_info* (*info)();
  size_t (*memory_bytes)(const cortado_options* options);
  cortado_status (*create)(void* memory, size_t bytes, const cortado_options* options, void** model);
  cortado_status (*run)(void* model, const cortado_tensor* inputs, size_t n_inputs, cortado_tensor* outputs,
                        size_t n_outputs);
  void (*destroy)(void* model);
  cortado_fault (*last_fault)(const void* model);
};

// Ends a list of nets.
inline constexpr BatchNet kLastBatchNet{};

template <class Model, auto Info, auto MemoryBytes, auto Create, auto Run, auto Destroy, auto LastFault>
constexpr BatchNet batch_net(const char* id) {
  return {
      id,
      [] { return Info(); },
      [](const cortado_options* options) { return MemoryBytes(options); },
      [](void* memory, size_t bytes, const cortado_options* options, void** model) {
        Model* made = nullptr;
        const cortado_status status = Create(memory, bytes, options, &made);
        *model = made;
        return status;
      },
      [](void* model, const cortado_tensor* inputs, size_t n_inputs, cortado_tensor* outputs, size_t n_outputs) {
        return Run(static_cast<Model*>(model), inputs, n_inputs, outputs, n_outputs);
      },
      [](void* model) { Destroy(static_cast<Model*>(model)); },
      [](const void* model) { return LastFault(static_cast<const Model*>(model)); },
  };
}
