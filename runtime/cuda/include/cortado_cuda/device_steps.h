// Steps on the device as the generated run_net sees them: lists of functions, each list launched as one CUDA graph. Free of CUDA's
// headers, so that the host's part of a net needs none.
#pragma once

#include "cortado/model.h"

namespace cortado {

class DeviceRun;

/** Submits the work of one step to the stream of `run`. */
using DeviceStepFunction = void (*)(const DeviceRun& run);

struct DeviceStep {
  int layer; /**< Index in info.layers. */
  DeviceStepFunction function;
};

/** Steps that follow each other without a step of the host between them. */
struct DeviceList {
  int index; /**< Among the lists of the net. */
  int count;
  const DeviceStep* steps;
};

/**
 * Submits a list: captured into a graph at the first run with these extents, launched as that graph from then on. With a profile, a
 * trace, or inside a capture of the caller's own, step by step. False: the run has failed.
 */
bool run_on_device(RunContext& run, const DeviceList& list);

/** Waits until all that was submitted is done: before the host reads what the device made. False: the run has failed. */
bool wait_for_device(RunContext& run);

/** What DeviceDescription::runtime of a CUDA net points to. */
extern const DeviceRuntime kCudaRuntime;

/** run() with tensors in the memory of the device, on the caller's stream (a cudaStream_t). */
Status run_device(Model* model, const cortado_tensor* inputs, std::size_t n_inputs, cortado_tensor* outputs,
                  std::size_t n_outputs, void* stream);

/** The weights in the memory of the device. */
const void* device_weights(const Model* model);

}  // namespace cortado
