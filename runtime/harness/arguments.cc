#include "arguments.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "describe.h"

namespace cortado {

namespace {

struct Tensors {
  const char* kind;
  const cortado_tensor_info* infos;
  std::size_t count;
};

// The only tensor that a nameless argument can mean: the single one, or the single one that is not optional.
std::size_t nameless(const Tensors& tensors) {
  std::size_t found = tensors.count;
  for (std::size_t i = 0; i < tensors.count; ++i) {
    if (tensors.infos[i].optional != 0) continue;
    if (found != tensors.count) return tensors.count;
    found = i;
  }
  return found;
}

// Splits `name=value`; names may contain '=' themselves. Without a name, *index is the only tensor there is.
bool split_name(const char* option, const char* text, const Tensors& tensors, std::size_t* index, const char** value, Error* error) {
  for (std::size_t i = 0; i < tensors.count; ++i) {
    const std::size_t n = std::strlen(tensors.infos[i].name);
    if (std::strncmp(text, tensors.infos[i].name, n) != 0 || text[n] != '=') continue;
    *index = i;
    *value = text + n + 1;
    return true;
  }
  char names[300];
  list_names(tensors.infos, tensors.count, names, sizeof names);
  if (std::strchr(text, '=') != nullptr)
    return fail(error, kExitUsage, "%s %s names no %s of this net; its %ss are: %s", option, text, tensors.kind, tensors.kind, names);
  *index = nameless(tensors);
  *value = text;
  if (*index < tensors.count) return true;
  return fail(error, kExitUsage, "%s %s does not say which %s it is for; write %s NAME=%s with one of: %s", option, text,
              tensors.kind, option, text, names);
}

bool parse_integer(const char* option, const char* text, std::int64_t min, std::int64_t* value, Error* error) {
  char* end = nullptr;
  errno = 0;
  const long long parsed = std::strtoll(text, &end, 10);
  if (end == text || *end != '\0' || errno != 0 || parsed < min)
    return fail(error, kExitUsage, "%s takes a whole number of at least %lld, got '%s'", option, static_cast<long long>(min), text);
  *value = parsed;
  return true;
}

bool parse_floats(const char* option, const char* text, int max_count, float* values, int* count, Error* error) {
  const char* at = text;
  for (*count = 0; *count < max_count;) {
    char* end = nullptr;
    values[(*count)++] = std::strtof(at, &end);
    if (end == at) break;
    if (*end == '\0') return true;
    if (*end != ',') break;
    at = end + 1;
  }
  return fail(error, kExitUsage, "%s takes up to %d numbers separated by commas, got '%s'", option, max_count, text);
}

bool parse_shape(const char* text, TensorRequest* request, Error* error) {
  const char* at = text;
  for (request->rank = 0; request->rank < CORTADO_MAX_RANK;) {
    char* end = nullptr;
    errno = 0;
    const long long dim = std::strtoll(at, &end, 10);
    if (end == at || dim < 0 || errno != 0) break;
    request->dims[request->rank++] = dim;
    if (*end == '\0') return true;
    if (*end != ',' && *end != 'x') break;
    at = end + 1;
  }
  return fail(error, kExitUsage, "--shape takes sizes separated by commas, such as 1,3,224,224; got '%s'", text);
}

bool parse_file(const char* option, const char* text, const Tensors& tensors, TensorRequest* requests, Error* error) {
  std::size_t index = 0;
  const char* path = nullptr;
  if (!split_name(option, text, tensors, &index, &path, error)) return false;
  if (requests[index].path != nullptr)
    return fail(error, kExitUsage, "%s is given twice for %s: %s and %s", option, tensors.infos[index].name, requests[index].path, path);
  requests[index].path = path;
  return true;
}

// Options that take a value. False with no error set: unknown.
bool parse_valued(const char* option, const char* value, const cortado_model_info& info, Arguments* a, Error* error) {
  const auto is = [option](const char* name) { return std::strcmp(option, name) == 0; };
  const Tensors inputs{"input", info.inputs, info.n_inputs};
  const Tensors outputs{"output", info.outputs, info.n_outputs};
  if (is("--input")) return parse_file(option, value, inputs, a->inputs, error);
  if (is("--output")) return parse_file(option, value, outputs, a->outputs, error);
  if (is("--repeat")) return parse_integer(option, value, 1, &a->repeat, error);
  if (is("--warmup")) return parse_integer(option, value, 0, &a->warmup, error);
  if (is("--threads")) return parse_integer(option, value, 1, &a->threads, error);
  if (is("--seed")) return parse_integer(option, value, 0, &a->seed, error);
  if (is("--mean")) return parse_floats(option, value, 4, a->pixels.mean, &a->pixels.n_means, error);
  if (is("--scale")) {
    int count = 0;
    return parse_floats(option, value, 1, &a->pixels.scale, &count, error);
  }
  if (is("--shape")) {
    std::size_t index = 0;
    const char* shape = nullptr;
    return split_name(option, value, inputs, &index, &shape, error) && parse_shape(shape, &a->inputs[index], error);
  }
  const char** const text = is("--weights")    ? &a->weights
                            : is("--trace")    ? &a->trace
                            : is("--stats")    ? &a->stats
                            : is("--affinity") ? &a->affinity
                                               : nullptr;
  if (text != nullptr) *text = value;
  return text != nullptr;
}

bool parse_flag(const char* option, Arguments* a) {
  const auto is = [option](const char* name) { return std::strcmp(option, name) == 0; };
  if (is("--bgr")) return a->pixels.rgb = false, true;
  if (is("--rgb")) return a->pixels.rgb = true;
  bool* const flag = is("--random")          ? &a->random
                     : is("--info")          ? &a->info
                     : is("--profile")       ? &a->profile
                     : is("--check-weights") ? &a->check_weights
                     : is("--help")          ? &a->help
                                             : nullptr;
  if (flag != nullptr) *flag = true;
  return flag != nullptr;
}

constexpr const char* kValued[] = {"--input", "--output", "--repeat", "--warmup", "--threads", "--seed",  "--mean",
                                   "--scale", "--shape",  "--weights", "--trace", "--stats", "--affinity"};

// Points *value to the value in `--option=value`, or to the next argument, which is then used up.
bool find_value(int argc, char** argv, int* at, const char* option, const char** value) {
  const std::size_t n = std::strlen(option);
  *value = nullptr;
  if (std::strncmp(argv[*at], option, n) != 0) return false;
  if (argv[*at][n] == '=') *value = argv[*at] + n + 1;
  else if (argv[*at][n] != '\0') return false;
  else if (*at + 1 < argc) *value = argv[++*at];
  return true;
}

bool parse_one(int argc, char** argv, int* at, const cortado_model_info& info, Arguments* a, Error* error) {
  if (parse_flag(argv[*at], a)) return true;
  for (const char* const option : kValued) {
    const char* value = nullptr;
    if (!find_value(argc, argv, at, option, &value)) continue;
    if (value == nullptr) return fail(error, kExitUsage, "%s needs a value; --help lists the options", option);
    return parse_valued(option, value, info, a, error);
  }
  return fail(error, kExitUsage, "'%s' is not an option; --help lists them", argv[*at]);
}

}  // namespace

Arguments::~Arguments() {
  std::free(inputs);
  std::free(outputs);
}

bool parse_arguments(int argc, char** argv, const cortado_model_info& info, Arguments* a, Error* error) {
  a->inputs = static_cast<TensorRequest*>(std::malloc((info.n_inputs + 1) * sizeof(TensorRequest)));
  a->outputs = static_cast<TensorRequest*>(std::malloc((info.n_outputs + 1) * sizeof(TensorRequest)));
  if (a->inputs == nullptr || a->outputs == nullptr) return fail(error, kExitRun, "out of memory");
  for (std::size_t i = 0; i < info.n_inputs; ++i) a->inputs[i] = TensorRequest{};
  for (std::size_t i = 0; i < info.n_outputs; ++i) a->outputs[i] = TensorRequest{};
  for (int at = 1; at < argc; ++at)
    if (!parse_one(argc, argv, &at, info, a, error)) return false;
  if (a->threads > 256) return fail(error, kExitUsage, "--threads takes 1 to 256, got %lld", static_cast<long long>(a->threads));
  return true;
}

void print_usage(const char* program, const cortado_model_info& info) {
  std::printf(
      "%s runs the net %s, compiled for %s by Cortado %s.\n\n"
      "  --input [NAME=]FILE    .npy, .raw or .bin; .png, .ppm or .pgm for image inputs\n"
      "  --output [NAME=]FILE   the same formats; without it a summary is printed\n"
      "  --mean A,B,C --scale S --rgb | --bgr\n"
      "                         pictures for planar inputs: (value - mean) * scale, channels in blue, green, red order\n"
      "                         unless --rgb\n"
      "  --random [--seed N]    random values for inputs that are not given\n"
      "  --shape [NAME=]DIMS    sizes of a raw or random input, such as 1,3,224,224\n"
      "  --repeat N --warmup N  timed and untimed runs\n"
      "  --threads N            1 = the calling thread alone\n"
      "  --affinity CPUS        fast: the fast cores of a phone or board; or all; or numbers, 0,4-7; threads are as many by default\n"
      "  --weights FILE         the weight file; --check-weights recomputes its checksum\n"
      "  --profile              time per layer\n"
      "  --stats FILE           timing and memory as JSON\n"
      "  --trace DIR            every tensor as .npy, if the net was compiled with tracing\n"
      "  --info                 inputs, outputs, sizes, layers\n\n",
      program, info.net, info.target, info.version);
  print_tensors(info);
}

}  // namespace cortado
