// The harness reads top to bottom: arguments, model, inputs, runs, outputs, report.
#include "harness.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "affinity.h"
#include "allocation_trap.h"
#include "arguments.h"
#include "describe.h"
#include "random_input.h"
#include "report.h"
#include "system.h"
#include "tensor_file.h"
#include "trace_files.h"

namespace cortado {

namespace {

// Everything one invocation holds; arrays have one entry per input, output or layer.
struct Session {
  explicit Session(const NetDescription& description) : net(description), info(description.info) {}
  ~Session() {
    destroy(model);
    for (std::size_t i = 0; storage != nullptr && i < info.n_inputs; ++i) storage[i].~Bytes();
    std::free(storage);
    std::free(inputs);
    std::free(outputs);
    std::free(layer_ns);
  }

  bool allocate(Error* error) {
    storage = static_cast<Bytes*>(std::malloc((info.n_inputs + 1) * sizeof(Bytes)));
    for (std::size_t i = 0; storage != nullptr && i < info.n_inputs; ++i) ::new (&storage[i]) Bytes;
    inputs = static_cast<cortado_tensor*>(std::calloc(info.n_inputs + 1, sizeof(cortado_tensor)));
    outputs = static_cast<cortado_tensor*>(std::calloc(info.n_outputs + 1, sizeof(cortado_tensor)));
    layer_ns = static_cast<std::uint64_t*>(std::calloc(info.n_layers + 1, sizeof(std::uint64_t)));
    const bool good = storage != nullptr && inputs != nullptr && outputs != nullptr && layer_ns != nullptr;
    return good || fail(error, kExitRun, "out of memory");
  }

  const NetDescription& net;
  const cortado_model_info& info;
  Arguments arguments;
  Model* model = nullptr;
  Bytes* storage = nullptr;
  cortado_tensor* inputs = nullptr;
  cortado_tensor* outputs = nullptr;
  std::uint64_t* layer_ns = nullptr;
  RunTimes times;
  TraceFiles trace;
};

// The weight file beside the executable, for nets that keep theirs outside and are run without --weights.
const char* weights_beside(const char* program, const char* file, char* path, std::size_t room) {
  char self[4096];
  const char* const executable = executable_path(program, self, sizeof self);
  std::snprintf(path, room, "%.*s%s", static_cast<int>(folder_length(executable)), executable, file);
  return path;
}

bool make_model(Session* s, const char* program, Error* error) {
  char path[8192];
  cortado_options options = cortado_default_options();
  options.threads = static_cast<std::int32_t>(s->arguments.threads);
  options.check_weights = s->arguments.check_weights ? 1 : 0;
  options.affinity = s->arguments.affinity;
  options.weights_path = s->arguments.weights;
  if (options.weights_path == nullptr && s->net.linked_weights == nullptr && s->net.weights_file != nullptr)
    options.weights_path = weights_beside(program, s->net.weights_file, path, sizeof path);
#if !CORTADO_THREADS
  if (s->arguments.threads > 1)
    return fail(error, kExitUsage, "--threads %lld: this net was compiled for a single thread", static_cast<long long>(s->arguments.threads));
#endif
  const std::uint64_t begin = clock_ns();
  const Status status = create(s->net, nullptr, 0, &options, &s->model);
  s->times.create_ns = clock_ns() - begin;
  s->times.threads = threads(s->model);
  if (status == CORTADO_OK) return true;
  const bool weights = status >= CORTADO_WEIGHTS_MISSING && status <= CORTADO_WEIGHTS_MISALIGNED;
  if (weights && options.weights_path != nullptr)
    return fail(error, kExitRun, "%s: %s; give the file written with this executable with --weights", options.weights_path, cortado_status_text(status));
  if (status == CORTADO_UNSUPPORTED_CPU)
    return fail(error, kExitRun, "%s; it is target %s: compile for a smaller one", cortado_status_text(status), s->info.target);
  return fail(error, kExitRun, "the net could not be started: %s", cortado_status_text(status));
}

bool load_inputs(Session* s, Error* error) {
  for (std::size_t i = 0; i < s->info.n_inputs; ++i) {
    const TensorRequest& request = s->arguments.inputs[i];
    if (request.path != nullptr &&
        !load_tensor(s->info, s->info.inputs[i], request, s->arguments.pixels, &s->storage[i], &s->inputs[i], error))
      return false;
  }
  for (std::size_t i = 0; i < s->info.n_inputs; ++i) {
    const cortado_tensor_info& input = s->info.inputs[i];
    if (s->arguments.inputs[i].path != nullptr || input.optional != 0) continue;
    if (!s->arguments.random) {
      char text[200];
      describe_info(s->info, input, text, sizeof text);
      return fail(error, kExitUsage, "input %s, %s, is missing: give --input %s=FILE, or --random for a trial", input.name, text, input.name);
    }
    if (!make_random_input(s->info, i, s->arguments, s->inputs, &s->storage[i], error)) return false;
  }
  return true;
}

bool run_once(Session* s, std::uint64_t* ns, Error* error) {
  // Tracing writes files, which allocates.
  trap_allocations(s->arguments.trace == nullptr);
  const std::uint64_t begin = clock_ns();
  const Status status = run(s->model, s->inputs, s->info.n_inputs, s->outputs, s->info.n_outputs);
  *ns = clock_ns() - begin;
  trap_allocations(false);
  if (status == CORTADO_OK) return true;
  char text[400];
  fault_text(s->net, last_fault(s->model), text, sizeof text);
  return fail(error, kExitRun, "%s", text);
}

bool run_all(Session* s, Error* error) {
  const Arguments& a = s->arguments;
  const auto runs = static_cast<std::size_t>(a.repeat);
  if (runs > SIZE_MAX / sizeof(std::uint64_t) || !s->times.ns.resize(runs * sizeof(std::uint64_t)))
    return fail(error, kExitUsage, "--repeat %lld is more than memory can note", static_cast<long long>(a.repeat));
  std::uint64_t ignored = 0;
  for (std::int64_t i = 0; i < a.warmup; ++i)
    if (!run_once(s, &ignored, error)) return false;
  if (a.profile || a.stats != nullptr) set_profile(s->model, s->layer_ns);
  for (std::size_t i = 0; i < runs; ++i) {
    const bool traced = a.trace != nullptr && i == 0;
    if (traced && !s->trace.open(a.trace, error)) return false;
    set_trace(s->model, traced ? TraceFiles::write : nullptr, &s->trace);
    if (!run_once(s, &s->times.values()[i], error)) return false;
    if (traced && !s->trace.close(error)) return false;
  }
  sort_times(&s->times);
  return true;
}

bool report(Session* s, Error* error) {
  const Arguments& a = s->arguments;
  for (std::size_t i = 0; i < s->info.n_outputs; ++i) {
    const char* const path = a.outputs[i].path;
    if (path == nullptr) print_output(s->info.outputs[i].name, s->outputs[i]);
    else if (!save_tensor(s->info.outputs[i], s->outputs[i], path, a.pixels, error)) return false;
  }
  if (a.profile) print_profile(s->info, s->layer_ns, s->times.count());
  print_times(s->info, s->times);
  return a.stats == nullptr || write_stats(a.stats, s->info, s->times, s->layer_ns, error);
}

void print_info(const Session& s) {
  std::printf("net     %s for %s, Cortado %s\n", s.info.net, s.info.target, s.info.version);
  print_tensors(s.info);
  std::printf("memory  arena %zu bytes, weights %zu bytes, stack %zu bytes\n", s.info.arena_bytes, s.info.weight_bytes, s.info.stack_bytes);
  std::printf("code    %zu layers from %zu ops, split for %d thread%s\n", s.info.n_layers, s.info.n_ops, s.info.threads, s.info.threads == 1 ? "" : "s");
  print_layers(s.info);
}

bool run_session(Session* s, int argc, char** argv, Error* error) {
  if (!parse_arguments(argc, argv, s->info, &s->arguments, error)) return false;
  if (s->arguments.help) return print_usage(argv[0], s->info), true;
  if (s->arguments.info) return print_info(*s), true;
  // Before the model is made: it counts the CPUs and starts its threads then.
  if (s->arguments.affinity != nullptr && !set_affinity(s->arguments.affinity, error)) return false;
  return s->allocate(error) && load_inputs(s, error) && make_model(s, argv[0], error) && run_all(s, error) && report(s, error);
}

}  // namespace

int harness_main(const NetDescription& net, int argc, char** argv) {
  Session session(net);
  Error error;
  if (run_session(&session, argc, argv, &error)) return 0;
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", net.info.net, error.text);
  return error.exit_code;
}

}  // namespace cortado
