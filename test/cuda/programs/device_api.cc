// A user of a CUDA net, built against the emulated device: device pointers and streams of his own, memory from outside, a batch that
// varies, a graph captured once per batch size, instances that share weights, work that becomes part of his own graph.
#include <small.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cortado_cuda/runtime_api.h"

namespace {

constexpr int kPixels = 3 * 6 * 6, kClasses = 4, kPooled = 5;

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      std::printf("line %d: %s\n", __LINE__, #condition); \
      std::exit(1); \
    } \
  } while (false)

std::vector<float> images(int n) {
  std::vector<float> values(static_cast<std::size_t>(n * kPixels));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 17) / 17.0f - 0.4f;
  return values;
}

cortado_tensor input(void* data, int n) {
  cortado_tensor tensor = {data, static_cast<size_t>(n * kPixels) * sizeof(float), CORTADO_FLOAT32, 4, {n, 3, 6, 6}};
  return tensor;
}

cortado_tensor output(void* data, std::size_t floats) {
  cortado_tensor tensor{};
  tensor.data = data;
  tensor.size_bytes = floats * sizeof(float);
  return tensor;
}

// softmax and pooled, computed with host pointers.
std::vector<float> on_host(small_model* model, int n) {
  std::vector<float> x = images(n), y(static_cast<std::size_t>(n * (kClasses + kPooled)));
  const cortado_tensor in = input(x.data(), n);
  cortado_tensor out[2] = {output(y.data(), static_cast<std::size_t>(n * kClasses)), output(y.data() + n * kClasses, static_cast<std::size_t>(n * kPooled))};
  CHECK(small_run(model, &in, 1, out, 2) == CORTADO_OK);
  CHECK(out[0].rank == 2 && out[0].dims[0] == n && out[0].dims[1] == kClasses);
  return y;
}

float* device_copy(const std::vector<float>& values) {
  void* data = nullptr;
  CHECK(cudaMalloc(&data, values.size() * sizeof(float)) == cudaSuccess);
  CHECK(cudaMemcpy(data, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice) == cudaSuccess);
  return static_cast<float*>(data);
}

std::vector<float> host_copy(const float* data, std::size_t count) {
  std::vector<float> values(count);
  CHECK(cudaMemcpy(values.data(), data, count * sizeof(float), cudaMemcpyDeviceToHost) == cudaSuccess);
  return values;
}

bool same(const std::vector<float>& a, const float* b) { return std::memcmp(a.data(), b, a.size() * sizeof(float)) == 0; }

// Device pointers in and out, on a stream of the caller's: nothing has run until he waits for it.
void device_pointers(small_model* model) {
  const std::vector<float> wanted = on_host(model, 3);
  float* const x = device_copy(images(3));
  float* const y = device_copy(std::vector<float>(3 * kClasses, -1.0f));
  cudaStream_t stream = nullptr;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  const cortado_tensor in = input(x, 3);
  cortado_tensor out[2] = {output(y, 3 * kClasses), output(nullptr, 0)};
  const std::size_t before = cortado_emulation::machine().launches;
  CHECK(small_run_device(model, &in, 1, out, 2, stream) == CORTADO_OK);
  CHECK(cortado_emulation::machine().launches == before);
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(cortado_emulation::machine().launches > before);
  CHECK(same(host_copy(y, 3 * kClasses), wanted.data()));
  // The second output is pointed into the arena on the device.
  CHECK(out[1].data != nullptr && same(host_copy(static_cast<const float*>(out[1].data), 3 * kPooled), wanted.data() + 3 * kClasses));
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
  cudaFree(x);
  cudaFree(y);
}

// Inside a capture of the caller's, the net becomes part of his graph.
void callers_graph(small_model* model) {
  const std::vector<float> wanted = on_host(model, 2);
  float* const x = device_copy(images(2));
  float* const y = device_copy(std::vector<float>(2 * kClasses, -1.0f));
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  const cortado_tensor in = input(x, 2);
  cortado_tensor out = output(y, 2 * kClasses);
  CHECK(small_run_device(model, &in, 1, &out, 1, stream) == CORTADO_OK);
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph != nullptr);
  CHECK(cudaGraphInstantiateWithFlags(&exec, graph, 0) == cudaSuccess);
  CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess && cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(same(host_copy(y, 2 * kClasses), wanted.data()));
  cudaGraphExecDestroy(exec);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  cudaFree(x);
  cudaFree(y);
}

// One graph for each batch size, captured when it is first met; more sizes than are kept, and back again.
void batch_sizes(small_model* model) {
  for (int round = 0; round < 2; ++round) {
    for (int n = 1; n <= 8; ++n) {
      const std::size_t before = cortado_emulation::machine().captures;
      const std::vector<float> first = on_host(model, n);
      const std::size_t captured = cortado_emulation::machine().captures - before;
      CHECK(captured <= 1 && (round == 0 || captured == 0));
      CHECK(on_host(model, n) == first);
      CHECK(cortado_emulation::machine().captures - before == captured);
      float sum = 0;
      for (int c = 0; c < kClasses; ++c) sum += first[static_cast<std::size_t>((n - 1) * kClasses + c)];
      CHECK(std::fabs(sum - 1.0f) < 1e-5f);
    }
  }
}

// A graph that cannot be made does not fail the run, and is made by a later one.
void refused_graph() {
  small_model* model = nullptr;
  CHECK(small_create(nullptr, 0, nullptr, &model) == CORTADO_OK);
  const std::size_t before = cortado_emulation::machine().captures;
  cortado_emulation::machine().refuses_graphs = true;
  const std::vector<float> first = on_host(model, 2);
  CHECK(cortado_emulation::machine().captures == before);
  cortado_emulation::machine().refuses_graphs = false;
  CHECK(on_host(model, 2) == first);
  CHECK(cortado_emulation::machine().captures == before + 1);
  small_destroy(model);
}

// Memory from outside, and the weights of another instance.
void outside_memory(small_model* model) {
  void* arena = nullptr;
  CHECK(cudaMalloc(&arena, SMALL_DEVICE_ARENA_BYTES) == cudaSuccess);
  cortado_cuda_options cuda = cortado_default_cuda_options();
  cuda.arena = arena;
  cuda.arena_bytes = SMALL_DEVICE_ARENA_BYTES;
  cuda.weights = small_device_weights(model);
  cortado_options options = cortado_default_options();
  options.device_options = &cuda;
  const std::size_t blocks = cortado_emulation::machine().blocks.size();
  small_model* second = nullptr;
  CHECK(small_create(nullptr, 0, &options, &second) == CORTADO_OK);
  CHECK(cortado_emulation::machine().blocks.size() - blocks <= 1);  // the counters of split sums at most
  CHECK(on_host(second, 4) == on_host(model, 4));
  const std::size_t after = cortado_emulation::machine().blocks.size();
  on_host(second, 4);
  CHECK(cortado_emulation::machine().blocks.size() == after);
  small_destroy(second);
  cuda.arena_bytes = SMALL_DEVICE_ARENA_BYTES - 1;
  CHECK(small_create(nullptr, 0, &options, &second) == CORTADO_DEVICE_MEMORY && second == nullptr);
  cuda = cortado_default_cuda_options();
  cuda.device = 7;
  CHECK(small_create(nullptr, 0, &options, &second) == CORTADO_NO_DEVICE);
  cudaFree(arena);
}

// What the host's interface refuses is refused with device pointers, too.
void refusals(small_model* model) {
  float* const x = device_copy(images(1));
  cortado_tensor in = input(x, 9);
  cortado_tensor out[2] = {};
  CHECK(small_run_device(model, &in, 1, out, 2, nullptr) == CORTADO_DIM_OUT_OF_BOUNDS);
  in = input(x, 1);
  out[0] = output(x, 1);
  CHECK(small_run_device(model, &in, 1, out, 2, nullptr) != CORTADO_OK);
  CHECK(small_run_device(nullptr, &in, 1, out, 2, nullptr) == CORTADO_NULL_ARGUMENT);
  cudaFree(x);
}

}  // namespace

int main() {
  small_model* model = nullptr;
  CHECK(small_create(nullptr, 0, nullptr, &model) == CORTADO_OK);
  device_pointers(model);
  callers_graph(model);
  batch_sizes(model);
  outside_memory(model);
  refusals(model);
  refused_graph();
  small_destroy(model);
  CHECK(cortado_emulation::machine().blocks.empty());
  std::puts("ok");
  return 0;
}
