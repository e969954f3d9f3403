// Times a CUDA net by CUDA events: device pointers, one stream, many runs between two events; then each layer. Compiled for one net:
//   nvcc -DNET=squeezenet -DNET_HEADER='"squeezenet.h"' -Iruntime/cuda/include time_net.cc libsqueezenet.a
// Usage: time_net RUNS [WEIGHTS INPUT OUTPUT]; prints one line of JSON. WEIGHTS: the weight file of a net that has one ("" if not). INPUT:
// floats for the first input, repeated until it is full; OUTPUT: where the first output's bytes go.
#include NET_HEADER

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cortado_cuda/runtime_api.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define FN(name) JOIN(NET, name)

namespace {

[[noreturn]] void stop(const char* what, int code) {
  std::fprintf(stderr, "time_net: %s (%d)\n", what, code);
  std::exit(1);
}

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) stop(what, static_cast<int>(error));
}

void check(cortado_status status) {
  if (status != CORTADO_OK) stop(cortado_status_text(status), static_cast<int>(status));
}

std::vector<float> read_floats(const char* file) {
  std::vector<float> values;
  std::FILE* const from = std::fopen(file, "rb");
  if (from == nullptr) stop("cannot read the input file", 0);
  float value;
  while (std::fread(&value, sizeof value, 1, from) == 1) values.push_back(value);
  std::fclose(from);
  if (values.empty()) stop("the input file is empty", 0);
  return values;
}

std::vector<cortado_tensor> device_inputs(const cortado_model_info& info, const std::vector<float>& first) {
  std::vector<cortado_tensor> tensors(info.n_inputs);
  for (std::size_t i = 0; i < info.n_inputs; ++i) {
    const cortado_tensor_info& about = info.inputs[i];
    std::vector<float> values(about.max_bytes / sizeof(float));
    for (std::size_t k = 0; k < values.size(); ++k)
      values[k] = i == 0 && !first.empty() ? first[k % first.size()] : static_cast<float>(k * 2654435761u % 1000u) / 500.0f - 1.0f;
    cortado_tensor& tensor = tensors[i];
    check(cudaMalloc(&tensor.data, about.max_bytes), "cudaMalloc");
    check(cudaMemcpy(tensor.data, values.data(), about.max_bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
    tensor.size_bytes = about.max_bytes;
    tensor.dtype = about.dtype;
    tensor.rank = about.rank;
    for (int d = 0; d < about.rank; ++d) tensor.dims[d] = about.max_dims[d];
  }
  return tensors;
}

// Milliseconds of one run: the mean of `runs` between two events, the least of several rounds.
double time_runs(FN(_model) * model, std::vector<cortado_tensor>& inputs, std::vector<cortado_tensor>& outputs, cudaStream_t stream, int runs) {
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "cudaEventCreate");
  check(cudaEventCreate(&end), "cudaEventCreate");
  double best = 1e30;
  for (int round = 0; round < 5; ++round) {
    check(cudaEventRecord(begin, stream), "cudaEventRecord");
    for (int i = 0; i < runs; ++i) check(FN(_run_device)(model, inputs.data(), inputs.size(), outputs.data(), outputs.size(), stream));
    check(cudaEventRecord(end, stream), "cudaEventRecord");
    check(cudaEventSynchronize(end), "cudaEventSynchronize");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, begin, end), "cudaEventElapsedTime");
    const double each = static_cast<double>(ms) / runs;
    best = each < best ? each : best;
  }
  return best;
}

// The first output, which lies in the arena on the device after a run.
void write_output(const cortado_tensor& output, cudaStream_t stream, const char* file) {
  std::size_t bytes = cortado_dtype_bytes(output.dtype);
  for (int d = 0; d < output.rank; ++d) bytes *= static_cast<std::size_t>(output.dims[d]);
  std::vector<char> values(bytes);
  check(cudaStreamSynchronize(stream), "the net");
  check(cudaMemcpy(values.data(), output.data, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
  std::FILE* const to = std::fopen(file, "wb");
  if (to == nullptr || std::fwrite(values.data(), 1, bytes, to) != bytes || std::fclose(to) != 0) stop("cannot write the output file", 0);
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 50;
  cortado_options options = cortado_default_options();
  if (argc > 2 && argv[2][0] != '\0') options.weights_path = argv[2];
  FN(_model)* model = nullptr;
  check(FN(_create)(nullptr, 0, &options, &model));
  const cortado_model_info& info = *FN(_info)();
  std::vector<cortado_tensor> inputs = device_inputs(info, argc > 3 ? read_floats(argv[3]) : std::vector<float>{}), outputs(info.n_outputs);
  cudaStream_t stream;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  time_runs(model, inputs, outputs, stream, 1);
  // outputs[0] lies on the host where the net's last steps do: then it is empty here, and the caller compares nothing.
  if (argc > 4 && outputs[0].data != nullptr) write_output(outputs[0], stream, argv[4]);
  const double ms = time_runs(model, inputs, outputs, stream, runs);
  std::vector<std::uint64_t> layer_ns(info.n_layers + 1);
  FN(_set_profile)(model, layer_ns.data());
  constexpr int kProfiled = 10;
  for (int i = 0; i < kProfiled; ++i) check(FN(_run_device)(model, inputs.data(), inputs.size(), outputs.data(), outputs.size(), stream));
  std::printf("{\"ms\":%.6f,\"layers\":[", ms);
  for (std::size_t i = 0; i < info.n_layers; ++i) {
    const cortado_layer& layer = info.layers[i];
    std::printf("%s{\"blob\":\"%s\",\"kernel\":\"%s\",\"macs\":%llu,\"bytes\":%llu,\"ms\":%.6f}", i == 0 ? "" : ",", layer.name, layer.kernel,
                static_cast<unsigned long long>(layer.macs), static_cast<unsigned long long>(layer.bytes),
                static_cast<double>(layer_ns[i]) * 1e-6 / kProfiled);
  }
  std::printf("]}\n");
  FN(_destroy)(model);
  return 0;
}
