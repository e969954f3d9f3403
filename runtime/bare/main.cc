// Runs a net once (or as often as asked) on inputs from files of the host and writes outputs, clock ticks and the stack's
// use back. Formats: see runtime/CONTRACT.md, "Bare metal". Everything is little-endian, as Cortex-M is.
#include "bare.h"

namespace cortado {

namespace {

constexpr std::uint32_t kRequestMagic = 0x51724d43;  // "CMrQ"
constexpr std::uint32_t kResultMagic = 0x52724d43;   // "CMrR"

struct Request {
  std::uint32_t magic;
  std::uint32_t runs;
  std::uint32_t warmup;
  std::uint32_t check_weights;
};

// Sizes of one input; rank -1 = absent.
struct InputHead {
  std::int32_t rank;
  std::int32_t reserved;
  std::int64_t dims[CORTADO_MAX_RANK];
};

struct OutputHead {
  std::int32_t dtype;
  std::int32_t rank;
  std::int64_t dims[CORTADO_MAX_RANK];
};

struct Result {
  std::uint32_t magic;
  std::int32_t status;
  std::uint32_t stack_used_bytes;
  std::uint32_t runs;
  std::uint64_t create_ticks;
  char fault[160];
};

// "input12.bin": number 12 of a kind of file.
struct FileName {
  char text[20];
  FileName(const char* stem, std::size_t number) {
    std::size_t n = 0;
    for (; stem[n] != '\0'; ++n) text[n] = stem[n];
    char digits[10];
    int count = 0;
    do digits[count++] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0) text[n++] = digits[--count];
    for (const char* end = ".bin"; (text[n] = *end) != '\0'; ++end) ++n;
  }
};

int fail(const char* text) {
  write_text(text);
  write_text("\n");
  return 1;
}

std::size_t dense_bytes(std::int32_t dtype, std::int32_t rank, const std::int64_t* dims) {
  std::size_t bytes = rank < 0 ? 0 : cortado_dtype_bytes(dtype);
  for (int d = 0; d < rank; ++d) bytes *= static_cast<std::size_t>(dims[d]);
  return bytes;
}

bool read_input(const cortado_tensor_info& info, HostFile& request, std::size_t index, cortado_tensor* tensor) {
  InputHead head;
  if (!request.read(&head, sizeof head)) return false;
  tensor->dtype = info.dtype;
  tensor->rank = head.rank;
  if (head.rank < 0) {
    *tensor = cortado_tensor{nullptr, 0, info.dtype, 0, {}};
    return true;
  }
  for (int d = 0; d < CORTADO_MAX_RANK; ++d) tensor->dims[d] = head.dims[d];
  const std::size_t bytes = dense_bytes(info.dtype, head.rank, head.dims);
  if (bytes > tensor->size_bytes) return true;  // the run reports it
  HostFile file(FileName("input", index).text, HostFile::kRead);
  return file.is_open() && file.read(tensor->data, bytes);
}

bool write_output(std::size_t index, const cortado_tensor& tensor) {
  OutputHead head{tensor.dtype, tensor.rank, {}};
  for (int d = 0; d < CORTADO_MAX_RANK; ++d) head.dims[d] = tensor.dims[d];
  HostFile file(FileName("output", index).text, HostFile::kWrite);
  return file.is_open() && file.write(&head, sizeof head) && file.write(tensor.data, dense_bytes(tensor.dtype, tensor.rank, tensor.dims));
}

#if CORTADO_TRACE
struct TraceHead {
  std::int32_t op;
  std::int32_t name_bytes;
  OutputHead tensor;
};

// One file for each tensor: head, name, values.
void write_trace(void* user, std::int32_t op, const char* blob, const cortado_tensor* tensor) {
  auto* const count = static_cast<std::size_t*>(user);
  TraceHead head{op, 0, {tensor->dtype, tensor->rank, {}}};
  while (blob[head.name_bytes] != '\0') ++head.name_bytes;
  for (int d = 0; d < tensor->rank; ++d) head.tensor.dims[d] = tensor->dims[d];
  HostFile file(FileName("trace", (*count)++).text, HostFile::kWrite);
  file.write(&head, sizeof head);
  file.write(blob, static_cast<std::size_t>(head.name_bytes));
  file.write(tensor->data, tensor->size_bytes);
}
#endif

// Warm-up runs, then timed ones; the clock's ticks of each go to a file, those of the layers add up.
Status run_all(const BareProgram& program, Model* model, const Request& request, HostFile& ticks) {
  const cortado_model_info& info = program.net.info;
  Status status = CORTADO_OK;
  for (std::uint32_t i = 0; i < request.warmup + request.runs && status == CORTADO_OK; ++i) {
    const bool is_timed = i >= request.warmup;
    if (i == request.warmup) set_profile(model, program.layer_ticks);
    const std::uint64_t begin = clock_ticks();
    status = run(model, program.inputs, info.n_inputs, program.outputs, info.n_outputs);
    const std::uint64_t taken = clock_ticks() - begin;
#if CORTADO_TRACE
    set_trace(model, nullptr, nullptr);
#endif
    if (is_timed) ticks.write(&taken, sizeof taken);
  }
  return status;
}

Status run_program(const BareProgram& program, const Request& request, Result* result) {
  const cortado_model_info& info = program.net.info;
  cortado_options options = cortado_default_options();
  options.arenas = program.arenas;
  options.n_arenas = program.n_arenas;
  options.check_weights = request.check_weights != 0 ? 1 : 0;
  options.clock_ns = clock_ticks;
  Model* model = nullptr;
  const std::uint64_t begin = clock_ticks();
  const Status created = create(program.net, program.state, program.state_bytes, &options, &model);
  result->create_ticks = clock_ticks() - begin;
  if (created != CORTADO_OK) return created;
#if CORTADO_TRACE
  std::size_t traced = 0;
  set_trace(model, write_trace, &traced);
#endif
  HostFile ticks("ticks.bin", HostFile::kWrite);
  const Status status = run_all(program, model, request, ticks);
  ticks.write(program.layer_ticks, info.n_layers * sizeof(std::uint64_t));
  fault_text(program.net, last_fault(model), result->fault, sizeof result->fault);
  return status;
}

}  // namespace

int bare_main(const BareProgram& program) {
  const cortado_model_info& info = program.net.info;
  Request request;
  HostFile file("request.bin", HostFile::kRead);
  if (!file.is_open() || !file.read(&request, sizeof request) || request.magic != kRequestMagic)
    return fail("no request.bin: run this image with `cortado run`");
  for (std::size_t i = 0; i < info.n_inputs; ++i)
    if (!read_input(info.inputs[i], file, i, &program.inputs[i])) return fail("an input cannot be read");
  Result result{kResultMagic, CORTADO_OK, 0, request.runs, 0, {}};
  result.status = run_program(program, request, &result);
  for (std::size_t i = 0; i < info.n_outputs && result.status == CORTADO_OK; ++i)
    if (!write_output(i, program.outputs[i])) return fail("an output cannot be written");
  result.stack_used_bytes = stack_used_bytes();
  HostFile out("result.bin", HostFile::kWrite);
  return out.is_open() && out.write(&result, sizeof result) ? 0 : fail("result.bin cannot be written");
}

}  // namespace cortado
