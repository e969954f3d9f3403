// Making and unmaking a model: options, memory, weights, threads.
#include <cstring>
#include <new>

#include "cortado/clock.h"
#include "cortado/thread_pool.h"
#include "cpu.h"
#include "memory.h"
#include "run.h"

namespace cortado {

namespace {

// Callers compiled against an older header give a shorter struct; a longer one asks for what we do not know.
bool read_options(const cortado_options* given, cortado_options* options) {
  *options = cortado_default_options();
  if (given == nullptr) return true;
  if (given->struct_size < sizeof given->struct_size || given->struct_size > sizeof *options) return false;
  std::memcpy(options, given, given->struct_size);
  return true;
}

bool brings_arena(const cortado_options& options) { return options.arena != nullptr || options.arenas != nullptr; }

// How many threads run a model, and the CPUs they are bound to; none: they are not bound.
struct Threads {
  int count = 1;
#if CORTADO_THREADS
  CpuSet cpus;
#endif
};

#if CORTADO_THREADS
// x86 machines have as many threads as CPUs: their unequal cores differ less than those of phones and boards.
int default_cpus() {
#if !defined(__x86_64__) && !defined(__i386__)
  const int fast = fast_cpus(own_cpus()).count();
  if (fast > 0) return fast;
#endif
  return usable_cpus();
}
#endif

// False where the affinity names what there is not.
bool choose_threads(const NetDescription& net, const cortado_options& options, Threads* chosen) {
#if CORTADO_THREADS
  if (options.affinity != nullptr && !choose_cpus(options.affinity, own_cpus(), &chosen->cpus)) return false;
  int threads = options.threads;
  if (threads == 0 && net.info.threads > 1) {
    const int cpus = options.affinity != nullptr ? chosen->cpus.count() : default_cpus();
    threads = net.info.threads < cpus ? net.info.threads : cpus;
  }
  if (threads > ThreadPool::kMaxThreads) threads = ThreadPool::kMaxThreads;
  chosen->count = threads > 1 ? threads : 1;
#else
  (void)net;
  (void)options;
  (void)chosen;
#endif
  return true;
}

std::size_t pool_bytes(int threads) {
#if CORTADO_THREADS
  return threads > 1 ? sizeof(ThreadPool) + ThreadPool::worker_bytes(threads) : 0;
#else
  (void)threads;
  return 0;
#endif
}

}  // namespace

// Reaches into RunContext while a model is made or unmade.
class Builder {
 public:
  // Where the parts of a model lie in its memory, from its first 64-byte boundary.
  struct Layout {
    std::size_t inputs, outputs, extents, pool, device, arena, total;
  };

  static Layout layout_of(const NetDescription& net, int threads, bool with_arena) {
    Layout at{};
    const cortado_model_info& info = net.info;
    at.inputs = state_bytes(0, 0, 0);
    at.outputs = state_bytes(info.n_inputs, 0, 0);
    at.extents = state_bytes(info.n_inputs, info.n_outputs, 0);
    at.pool = state_bytes(info.n_inputs, info.n_outputs, info.n_symbols);
    at.device = round_to_alignment(at.pool + pool_bytes(threads));
    at.arena = round_to_alignment(at.device + (net.device != nullptr ? net.device->runtime->state_bytes(net) : 0));
    at.total = at.arena + (with_arena ? net.info.arena_bytes : 0);
    return at;
  }

  static void connect(Model* model, const Layout& at, const NetDescription& net, const cortado_options& options) {
    auto* const base = reinterpret_cast<std::uint8_t*>(model);
    RunContext& run = model->context;
    run.net_ = &net;
    run.inputs_ = reinterpret_cast<RunContext::Input*>(base + at.inputs);
    run.outputs_ = reinterpret_cast<RunContext::Output*>(base + at.outputs);
    run.extents_ = reinterpret_cast<std::int64_t*>(base + at.extents);
    connect_arenas(run, options, base + at.arena);
    run.weights_ = static_cast<const std::uint8_t*>(model->weights);
    if (run.weights_ != nullptr) run.weights_ += sizeof(WeightHeader);
    run.clock_ns_ = options.clock_ns != nullptr ? options.clock_ns : monotonic_ns;
    run.fault_ = fault_of(CORTADO_OK);
    std::memset(run.inputs_, 0, at.pool - at.inputs);
  }

  // The caller's memory for each part of the arena, or one piece for all of them.
  static void connect_arenas(RunContext& run, const cortado_options& options, std::uint8_t* own) {
    const cortado_model_info& info = run.net_->info;
    std::uint8_t* next = options.arena != nullptr ? static_cast<std::uint8_t*>(options.arena) : own;
    run.arenas_[0] = next;
    for (std::size_t i = 0; i < info.n_arenas; next += info.arenas[i++].bytes) run.arenas_[i] = next;
    for (std::size_t i = 0; options.arenas != nullptr && i < options.n_arenas; ++i)
      run.arenas_[i] = static_cast<std::uint8_t*>(options.arenas[i].data);
  }

  static Status start_pool(Model* model, const Threads& threads, void* memory) {
#if CORTADO_THREADS
    if (model->threads == 1) return CORTADO_OK;
    auto* const pool = ::new (memory) ThreadPool;
    if (!pool->start(threads.count, threads.cpus)) return CORTADO_THREAD_FAILED;
    model->context.pool_ = pool;
#else
    (void)model;
    (void)threads;
    (void)memory;
#endif
    return CORTADO_OK;
  }

  static Status open_device(Model* model, void* state, const cortado_options& options) {
    const DeviceDescription* const device = model->net->device;
    if (device == nullptr) return CORTADO_OK;
    return device->runtime->create(model->context, state, model->weights_bytes, options);
  }

  static void close_device(Model* model) {
    if (model->context.device_ != nullptr) model->net->device->runtime->destroy(model->context);
    model->context.device_ = nullptr;
  }

  static void stop_pool(Model* model) {
#if CORTADO_THREADS
    if (model->context.pool_ != nullptr) model->context.pool_->stop();
    model->context.pool_ = nullptr;
#else
    (void)model;
#endif
  }
};

std::size_t memory_bytes(const NetDescription& net, const cortado_options* given) {
  cortado_options options;
  Threads threads;
  if (!read_options(given, &options) || !choose_threads(net, options, &threads)) return 0;
  const Builder::Layout at = Builder::layout_of(net, threads.count, !brings_arena(options));
  return at.total + CORTADO_ALIGNMENT - 1;  // callers' memory starts anywhere
}

namespace {

// Finds the weights: given in memory, given as a file, or linked; then checks them.
Status find_weights(const NetDescription& net, const cortado_options& options, Model* found) {
  if (net.info.weight_bytes == 0) return CORTADO_OK;
  found->weights_bytes = net.info.weight_bytes;
  if (options.weights != nullptr) {
    found->weights = options.weights;
    found->weights_bytes = options.weights_bytes;
  } else if (options.weights_path != nullptr) {
    const Status status = map_file(options.weights_path, &found->weights_file);
    if (status != CORTADO_OK) return status;
    found->weights = found->weights_file.data;
    found->weights_bytes = found->weights_file.bytes;
  } else {
    found->weights = net.linked_weights;
  }
  if (found->weights == nullptr) return CORTADO_WEIGHTS_MISSING;
  return check_weights(found->weights, found->weights_bytes, net.weights_id, net.info.weight_bytes,
                       options.check_weights != 0);
}

Status check_arena(const void* data, std::size_t bytes, std::size_t wanted_bytes) {
  if (data == nullptr) return CORTADO_NULL_ARGUMENT;
  if (reinterpret_cast<std::uintptr_t>(data) % CORTADO_ALIGNMENT != 0) return CORTADO_ARENA_MISALIGNED;
  return bytes >= wanted_bytes ? CORTADO_OK : CORTADO_ARENA_TOO_SMALL;
}

Status check_arenas(const NetDescription& net, const cortado_options& options) {
  if (options.arenas == nullptr)
    return options.arena == nullptr ? CORTADO_OK : check_arena(options.arena, options.arena_bytes, net.info.arena_bytes);
  const std::size_t parts = net.info.n_arenas > 0 ? net.info.n_arenas : 1;
  if (options.n_arenas != parts || options.arena != nullptr) return CORTADO_WRONG_COUNT;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t wanted = net.info.n_arenas > 0 ? net.info.arenas[i].bytes : net.info.arena_bytes;
    const Status status = check_arena(options.arenas[i].data, options.arenas[i].bytes, wanted);
    if (status != CORTADO_OK) return status;
  }
  return CORTADO_OK;
}

}  // namespace

Status create(const NetDescription& net, void* memory, std::size_t memory_size, const cortado_options* given,
              Model** created) {
  if (created == nullptr) return CORTADO_NULL_ARGUMENT;
  *created = nullptr;
  cortado_options options;
  if (!read_options(given, &options)) return CORTADO_BAD_STRUCT_SIZE;
  if (!cpu_has(net.cpu_features)) return CORTADO_UNSUPPORTED_CPU;
  Status status = check_arenas(net, options);
  if (status != CORTADO_OK) return status;

  Threads threads;
  if (!choose_threads(net, options, &threads)) return CORTADO_BAD_AFFINITY;
  const Builder::Layout at = Builder::layout_of(net, threads.count, !brings_arena(options));
  void* owned = nullptr;
  if (memory == nullptr) {
    memory_size = at.total + CORTADO_ALIGNMENT - 1;
    memory = owned = allocate_memory(memory_size);
    if (memory == nullptr) return CORTADO_OUT_OF_MEMORY;
  }
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t skipped = (CORTADO_ALIGNMENT - address % CORTADO_ALIGNMENT) % CORTADO_ALIGNMENT;
  if (memory_size < skipped || memory_size - skipped < at.total) return CORTADO_MEMORY_TOO_SMALL;

  auto* const base = static_cast<std::uint8_t*>(memory) + skipped;
  auto* const model = ::new (static_cast<void*>(base)) Model;
  model->net = &net;
  model->threads = threads.count;
  model->owned_memory = owned;
  model->owned_bytes = memory_size;
  status = find_weights(net, options, model);
  if (status == CORTADO_OK) {
    Builder::connect(model, at, net, options);
    status = Builder::start_pool(model, threads, base + at.pool);
    if (status == CORTADO_OK) status = Builder::open_device(model, base + at.device, options);
  }
  if (status != CORTADO_OK) {
    destroy(model);
    return status;
  }
  *created = model;
  return CORTADO_OK;
}

void destroy(Model* model) {
  if (model == nullptr) return;
  Builder::close_device(model);
  Builder::stop_pool(model);
  unmap_file(&model->weights_file);
  free_memory(model->owned_memory, model->owned_bytes);
}

const void* weights(const Model* model, std::size_t* weights_bytes) {
  if (weights_bytes != nullptr) *weights_bytes = model != nullptr ? model->weights_bytes : 0;
  return model != nullptr ? model->weights : nullptr;
}

int threads(const Model* model) { return model != nullptr ? model->threads : 0; }

}  // namespace cortado
