// One run: binds and checks the caller's tensors, calls the generated steps, reports the outputs. Allocates nothing.
#include "run.h"

#include <cstring>

#include "cortado/thread_pool.h"

namespace cortado {

namespace {

struct ByteRange {
  std::uintptr_t begin;
  std::uintptr_t end;
};

ByteRange range_of(const void* data, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  return {begin, bytes > UINTPTR_MAX - begin ? UINTPTR_MAX : begin + bytes};
}

bool overlap(ByteRange a, ByteRange b) {
  return a.begin < a.end && b.begin < b.end && a.begin < b.end && b.begin < a.end;
}

bool is_aligned(const void* data, std::int32_t dtype) {
  return reinterpret_cast<std::uintptr_t>(data) % cortado_dtype_bytes(dtype) == 0;
}

}  // namespace

// Reaches into RunContext on behalf of the functions at the end.
class Runner {
 public:
  static Status run(Model* model, const cortado_tensor* inputs, std::size_t n_inputs, cortado_tensor* outputs,
                    std::size_t n_outputs) {
    RunContext& run = model->context;
    run.status_.store(CORTADO_OK, std::memory_order_relaxed);
    run.fault_ = fault_of(CORTADO_OK);
    run.layer_ = -1;
    if (bind_inputs(run, inputs, n_inputs) && bind_outputs(run, outputs, n_outputs) &&
        check_overlaps(run, inputs, n_inputs, n_outputs)) {
      const DeviceDescription* const device = run.net_->device;
      if (device == nullptr) copy_inputs(run);
      if (device == nullptr || device->runtime->begin(run)) run.net_->run(run);
      if (device != nullptr && run.ok()) device->runtime->end(run);
      if (run.ok()) report_outputs(run, outputs, n_outputs);
    }
    return static_cast<Status>(run.status_.load(std::memory_order_relaxed));
  }

  static cortado_fault fault(const Model* model) { return model->context.fault_; }

  static void set_profile(Model* model, std::uint64_t* ns_per_layer) { model->context.profile_ns_ = ns_per_layer; }

  static void set_trace(Model* model, cortado_trace_fn trace, void* user) {
    model->context.trace_ = trace;
    model->context.trace_user_ = user;
  }

 private:
  static constexpr std::int64_t kUnbound = -1;

  static bool bind_inputs(RunContext& run, const cortado_tensor* inputs, std::size_t n_inputs) {
    const cortado_model_info& info = run.net_->info;
    cortado_fault fault = fault_of(CORTADO_OK);
    for (std::size_t s = 0; s < info.n_symbols; ++s) run.extents_[s] = kUnbound;
    if (n_inputs > info.n_inputs) {
      fault.status = CORTADO_WRONG_COUNT;
      fault.input = static_cast<std::int32_t>(info.n_inputs);
      fault.got = static_cast<std::int64_t>(n_inputs);
      fault.max = static_cast<std::int64_t>(info.n_inputs);
    } else if (n_inputs > 0 && inputs == nullptr) {
      fault.status = CORTADO_NULL_ARGUMENT;
      fault.input = 0;
    }
    for (std::size_t i = 0; i < info.n_inputs && fault.status == CORTADO_OK; ++i)
      fault = i < n_inputs ? bind_input(run, i, inputs[i]) : absent_input(run, i, CORTADO_WRONG_COUNT);
    if (fault.status != CORTADO_OK) return run.fail(fault);
    for (std::size_t s = 0; s < info.n_symbols; ++s)
      if (run.extents_[s] == kUnbound) run.extents_[s] = info.symbols[s].min;
    return true;
  }

  static cortado_fault absent_input(RunContext& run, std::size_t index, Status if_required) {
    const cortado_tensor_info& info = run.net_->info.inputs[index];
    RunContext::Input& slot = run.inputs_[index];
    slot.data = nullptr;
    slot.present = false;
    for (int d = 0; d < info.rank; ++d) slot.dims[d] = info.min_dims[d];
    cortado_fault fault = fault_of(info.optional != 0 ? CORTADO_OK : if_required);
    fault.input = static_cast<std::int32_t>(index);
    return fault;
  }

  static cortado_fault bind_input(RunContext& run, std::size_t index, const cortado_tensor& tensor) {
    const cortado_tensor_info& info = run.net_->info.inputs[index];
    if (tensor.data == nullptr && info.optional != 0) return absent_input(run, index, CORTADO_NULL_ARGUMENT);
    cortado_fault fault = fault_of(CORTADO_OK);
    fault.input = static_cast<std::int32_t>(index);
    if (tensor.dtype != info.dtype) {
      fault.status = CORTADO_WRONG_DTYPE;
      fault.got = tensor.dtype;
      fault.min = fault.max = info.dtype;
      return fault;
    }
    if (tensor.rank != info.rank) {
      fault.status = CORTADO_WRONG_RANK;
      fault.got = tensor.rank;
      fault.min = fault.max = info.rank;
      return fault;
    }
    std::size_t bytes = cortado_dtype_bytes(info.dtype);
    for (int d = 0; d < info.rank && fault.status == CORTADO_OK; ++d) {
      bind_dim(run, info, d, tensor.dims[d], &fault);
      bytes *= static_cast<std::size_t>(tensor.dims[d]);
      run.inputs_[index].dims[d] = tensor.dims[d];
    }
    if (fault.status != CORTADO_OK) return fault;
    if (bytes > 0 && tensor.data == nullptr) {
      fault.status = CORTADO_NULL_ARGUMENT;
    } else if (tensor.size_bytes < bytes) {
      fault.status = CORTADO_BUFFER_TOO_SMALL;
      fault.got = static_cast<std::int64_t>(tensor.size_bytes);
      fault.min = static_cast<std::int64_t>(bytes);
    } else if (!is_aligned(tensor.data, info.dtype)) {
      fault.status = CORTADO_BUFFER_MISALIGNED;
    }
    run.inputs_[index].data = static_cast<const std::uint8_t*>(tensor.data);
    run.inputs_[index].present = true;
    return fault;
  }

  // Checks one dimension against its bounds, its symbol's earlier value and its multiple; binds the symbol.
  static void bind_dim(RunContext& run, const cortado_tensor_info& info, int d, std::int64_t got, cortado_fault* fault) {
    fault->dim = d;
    fault->got = got;
    fault->min = info.min_dims[d];
    fault->max = info.max_dims[d];
    const std::int32_t symbol = info.symbols[d];
    if (got < info.min_dims[d] || got > info.max_dims[d]) {
      fault->status = info.min_dims[d] == info.max_dims[d] ? CORTADO_WRONG_DIM : CORTADO_DIM_OUT_OF_BOUNDS;
    } else if (symbol >= 0 && run.extents_[symbol] == kUnbound) {
      const std::int64_t multiple = run.net_->info.symbols[symbol].multiple;
      if (multiple > 1 && got % multiple != 0) {
        fault->status = CORTADO_WRONG_DIM;
        fault->min = got - got % multiple;
        fault->max = fault->min + multiple;
      }
      run.extents_[symbol] = got;
    } else if (symbol >= 0 && run.extents_[symbol] != got) {
      fault->status = CORTADO_WRONG_DIM;
      fault->min = fault->max = run.extents_[symbol];
    }
    if (fault->status == CORTADO_OK) fault->dim = -1;
  }

  static bool bind_outputs(RunContext& run, const cortado_tensor* outputs, std::size_t n_outputs) {
    const NetDescription& net = *run.net_;
    cortado_fault fault = fault_of(CORTADO_OK);
    if (n_outputs > net.info.n_outputs) {
      fault.status = CORTADO_WRONG_COUNT;
      fault.output = static_cast<std::int32_t>(net.info.n_outputs);
      fault.got = static_cast<std::int64_t>(n_outputs);
      fault.max = static_cast<std::int64_t>(net.info.n_outputs);
    } else if (n_outputs > 0 && outputs == nullptr) {
      fault.status = CORTADO_NULL_ARGUMENT;
      fault.output = 0;
    }
    for (std::size_t i = 0; i < net.info.n_outputs && fault.status == CORTADO_OK; ++i) {
      RunContext::Output& slot = run.outputs_[i];
      const bool has_room = net.output_offsets[i] != kInPlace;
      std::uint8_t* const room = has_room ? run.room_at(net.output_offsets[i]) : nullptr;
      slot.caller = i < n_outputs ? static_cast<std::uint8_t*>(outputs[i].data) : nullptr;
      if (slot.caller == room) slot.caller = nullptr;  // the struct of an earlier run, passed again
      slot.capacity = slot.caller != nullptr ? outputs[i].size_bytes : 0;
      const bool fits = slot.caller != nullptr && slot.capacity >= net.info.outputs[i].max_bytes;
      slot.data = fits ? slot.caller : room;
      slot.keeps_room = false;
      slot.rank = -1;
      fault.output = static_cast<std::int32_t>(i);
      if (slot.caller == nullptr && !has_room) fault.status = CORTADO_NULL_ARGUMENT;
      else if (!is_aligned(slot.caller, net.info.outputs[i].dtype)) fault.status = CORTADO_BUFFER_MISALIGNED;
    }
    return fault.status == CORTADO_OK || run.fail(fault);
  }

  static bool overlaps_arena(const RunContext& run, ByteRange range) {
    const cortado_model_info& info = run.net_->info;
    if (info.n_arenas == 0) return overlap(range, range_of(run.arenas_[0], info.arena_bytes));
    for (std::size_t i = 0; i < info.n_arenas; ++i)
      if (overlap(range, range_of(run.arenas_[i], info.arenas[i].bytes))) return true;
    return false;
  }

  // Steps read inputs while they write outputs and the arena: none of these may share bytes.
  static bool check_overlaps(RunContext& run, const cortado_tensor* inputs, std::size_t n_inputs, std::size_t n_outputs) {
    cortado_fault fault = fault_of(CORTADO_BUFFERS_OVERLAP);
    for (std::size_t i = 0; i < n_inputs; ++i) {
      fault.input = static_cast<std::int32_t>(i);
      const ByteRange input = range_of(inputs[i].data, inputs[i].data != nullptr ? input_bytes(run, i) : 0);
      if (overlaps_arena(run, input)) return run.fail(fault);
      for (std::size_t o = 0; o < n_outputs; ++o) {
        fault.output = static_cast<std::int32_t>(o);
        if (overlap(input, range_of(run.outputs_[o].caller, run.outputs_[o].capacity))) return run.fail(fault);
      }
      fault.output = -1;
    }
    fault.input = -1;
    for (std::size_t o = 0; o < n_outputs; ++o) {
      fault.output = static_cast<std::int32_t>(o);
      const ByteRange output = range_of(run.outputs_[o].caller, run.outputs_[o].capacity);
      if (overlaps_arena(run, output)) return run.fail(fault);
      for (std::size_t p = o + 1; p < n_outputs; ++p)
        if (overlap(output, range_of(run.outputs_[p].caller, run.outputs_[p].capacity))) return run.fail(fault);
    }
    return true;
  }

  static std::size_t input_bytes(const RunContext& run, std::size_t index) {
    const cortado_tensor_info& info = run.net_->info.inputs[index];
    std::size_t bytes = cortado_dtype_bytes(info.dtype);
    for (int d = 0; d < info.rank; ++d) bytes *= static_cast<std::size_t>(run.inputs_[index].dims[d]);
    return bytes;
  }

  static void copy_inputs(RunContext& run) {
    for (std::size_t i = 0; i < run.net_->info.n_inputs; ++i) {
      if (run.net_->input_offsets[i] == kInPlace) continue;
      std::uint8_t* const room = run.room_at(run.net_->input_offsets[i]);
      RunContext::Input& slot = run.inputs_[i];
      if (!slot.present) std::memset(room, 0, run.net_->info.inputs[i].max_bytes);
      else if (slot.data != nullptr) std::memcpy(room, slot.data, input_bytes(run, i));
      slot.data = room;
    }
  }

  static void report_outputs(RunContext& run, cortado_tensor* outputs, std::size_t n_outputs) {
    for (std::size_t i = 0; i < n_outputs; ++i) {
      const cortado_tensor_info& info = run.net_->info.outputs[i];
      const RunContext::Output& slot = run.outputs_[i];
      std::size_t bytes = slot.rank < 0 ? 0 : cortado_dtype_bytes(info.dtype);
      outputs[i].dtype = info.dtype;
      outputs[i].rank = slot.rank;
      for (int d = 0; d < CORTADO_MAX_RANK; ++d) outputs[i].dims[d] = d < slot.rank ? slot.dims[d] : 0;
      for (int d = 0; d < slot.rank; ++d) bytes *= static_cast<std::size_t>(slot.dims[d]);
      if (slot.caller == nullptr) {
        outputs[i].data = slot.data;
        outputs[i].size_bytes = info.max_bytes;
      } else if (slot.caller != slot.data && bytes > 0) {
        std::memcpy(slot.caller, slot.data, bytes);
      }
    }
  }
};

std::uint8_t* RunContext::room_at(std::size_t offset) const {
  const cortado_model_info& info = net_->info;
  std::size_t arena = 0;
  for (; arena + 1 < info.n_arenas && offset >= info.arenas[arena].bytes; ++arena) offset -= info.arenas[arena].bytes;
  return arenas_[arena] + offset;
}

bool RunContext::fail(cortado_fault fault) {
  int expected = CORTADO_OK;
  if (!status_.compare_exchange_strong(expected, fault.status, std::memory_order_relaxed)) return false;
  if (layer_ >= 0) {
    fault.op = net_->info.layers[layer_].op;
    fault.layer = net_->info.layers[layer_].name;
  }
  fault_ = fault;
  return false;
}

void RunContext::check(Status status, std::int64_t got, std::int64_t min, std::int64_t max) {
  if (status == CORTADO_OK) return;
  cortado_fault fault = fault_of(status);
  fault.got = got;
  fault.min = min;
  fault.max = max;
  fail(fault);
}

bool RunContext::set_extent(int symbol, std::int64_t value) {
  const cortado_symbol_info& info = net_->info.symbols[symbol];
  if (value < info.min || value > info.max) {
    check(CORTADO_EXTENT_OUT_OF_BOUNDS, value, info.min, info.max);
    return false;
  }
  extents_[symbol] = value;
  return true;
}

bool RunContext::set_output_shape(int index, int rank, const std::int64_t* dims, bool before_writing) {
  const cortado_tensor_info& info = net_->info.outputs[index];
  Output& slot = outputs_[index];
  cortado_fault fault = fault_of(CORTADO_OK);
  fault.output = index;
  if (rank < info.min_rank || rank > info.rank) {
    fault.status = CORTADO_WRONG_RANK;
    fault.got = rank;
    fault.min = info.min_rank;
    fault.max = info.rank;
    return fail(fault);
  }
  // Room left, in elements, so that the product below cannot overflow. Dims of a lower rank are bounded by it alone.
  std::size_t bytes = cortado_dtype_bytes(info.dtype);
  bool is_empty = false;
  for (int d = 0; d < rank; ++d) is_empty = is_empty || dims[d] == 0;
  for (int d = 0; d < rank; ++d) {
    const std::int64_t max = rank == info.rank ? info.max_dims[d] : static_cast<std::int64_t>(info.max_bytes);
    if (dims[d] < 0 || dims[d] > max || (!is_empty && bytes > info.max_bytes / static_cast<std::size_t>(dims[d]))) {
      fault.status = CORTADO_EXTENT_OUT_OF_BOUNDS;
      fault.dim = d;
      fault.got = dims[d];
      fault.max = max;
      return fail(fault);
    }
    bytes = is_empty ? 0 : bytes * static_cast<std::size_t>(dims[d]);
    slot.dims[d] = dims[d];
  }
  slot.rank = rank;
  if (slot.caller == nullptr) return true;
  if (bytes > slot.capacity) {
    fault.status = CORTADO_BUFFER_TOO_SMALL;
    fault.got = static_cast<std::int64_t>(slot.capacity);
    fault.min = static_cast<std::int64_t>(bytes);
    return fail(fault);
  }
  if (before_writing && !slot.keeps_room) slot.data = slot.caller;
  return true;
}

void RunContext::dispatch(StepFunction function, int parts) {
#if CORTADO_THREADS
  if (pool_ != nullptr && parts > 1) {
    struct Call {
      RunContext* run;
      StepFunction function;
    } call{this, function};
    pool_->parallel([](void* argument, Part part) {
      const Call* const c = static_cast<const Call*>(argument);
      c->function(*c->run, part);
    }, &call, parts);
    return;
  }
#else
  (void)parts;
#endif
  function(*this, Part{0, 1});
}

bool RunContext::step(int layer, StepFunction function, int parts) {
  layer_ = layer;
  if (profile_ns_ == nullptr) {
    dispatch(function, parts);
  } else {
    const std::uint64_t begin = clock_ns_();
    dispatch(function, parts);
    profile_ns_[layer] += clock_ns_() - begin;
  }
  return ok();
}

void RunContext::trace_tensor(int op, const char* blob, const void* data, std::int32_t dtype, int rank,
                              const std::int64_t* dims) {
  cortado_tensor tensor{const_cast<void*>(data), cortado_dtype_bytes(dtype), dtype, rank, {}};
  for (int d = 0; d < rank; ++d) {
    tensor.dims[d] = dims[d];
    tensor.size_bytes *= static_cast<std::size_t>(dims[d]);
  }
  trace_(trace_user_, op, blob, &tensor);
}

Status run(Model* model, const cortado_tensor* inputs, std::size_t n_inputs, cortado_tensor* outputs,
           std::size_t n_outputs) {
  if (model == nullptr) return CORTADO_NULL_ARGUMENT;
  if (model->busy.exchange(1, std::memory_order_acquire)) return CORTADO_BUSY;
  const Status status = Runner::run(model, inputs, n_inputs, outputs, n_outputs);
  model->busy.store(0, std::memory_order_release);
  return status;
}

cortado_fault last_fault(const Model* model) {
  return model != nullptr ? Runner::fault(model) : fault_of(CORTADO_NULL_ARGUMENT);
}

void set_profile(Model* model, std::uint64_t* ns_per_layer) {
  if (model != nullptr) Runner::set_profile(model, ns_per_layer);
}

void set_trace(Model* model, cortado_trace_fn trace, void* user) {
  if (model != nullptr) Runner::set_trace(model, trace, user);
}

}  // namespace cortado
