// Corners of the runtime that the example net does not reach, on descriptions made up here.
#include "cortado/model.h"

#include <cstddef>
#include <cstring>
#include <initializer_list>

#include "check.h"
#include "cortado/cpus.h"

namespace {

using namespace cortado;

constexpr cortado_symbol_info kSymbols[] = {{"N", 0, 4, 1}};
constexpr cortado_tensor_info kInput = {"x", CORTADO_FLOAT32, 2, 2, 0, {4, 4}, {0, 4}, {0, -1}, 64};
// In place: no room in the arena. The second may have one dimension or two.
constexpr cortado_tensor_info kOutputs[] = {
    {"y", CORTADO_FLOAT32, 2, 2, 0, {4, 4}, {0, 4}, {0, -1}, 64},
    {"z", CORTADO_INT64, 2, 1, 0, {2, 4}, {1, 1}, {-1, -1}, 64},
};
constexpr cortado_layer kLayers[] = {{7, "Copy", "y", "copy", "f32[N<=4,4]", 0, 0}};
constexpr std::size_t kInputOffsets[] = {kInPlace};
constexpr std::size_t kOutputOffsets[] = {kInPlace, 0};

NetDescription describe(void (*run_net)(RunContext&)) {
  return {{"made_up", "any", "0", &kInput, 1, kOutputs, 2, kSymbols, 1, kLayers, 1, 1, 64, 0, 0, 3, nullptr, 0},
          kInputOffsets, kOutputOffsets, nullptr, nullptr, 0, 0, run_net};
}

void copy_x(RunContext& run, Part) {
  std::memcpy(run.output<float>(0), run.input<float>(0), static_cast<std::size_t>(run.extent(0)) * 16);
}

void run_copy(RunContext& run) {
  if (!run.shape_output(0, run.extent(0), 4)) return;
  run.step(0, copy_x, 1);
}

struct Fixture {
  explicit Fixture(const NetDescription& net) : description(net) {
    CHECK(create(description, nullptr, 0, nullptr, &model) == CORTADO_OK);
  }
  ~Fixture() { destroy(model); }
  Status run_rows(std::int64_t rows) {
    input.dims[0] = rows;
    return run(model, &input, 1, outputs, 2);
  }

  const NetDescription description;
  Model* model = nullptr;
  float x[16] = {1, 2, 3, 4, 5, 6, 7, 8};
  float y[16] = {};
  cortado_tensor input{x, sizeof x, CORTADO_FLOAT32, 2, {2, 4}};
  cortado_tensor outputs[2] = {{y, 32, 0, 0, {}}, {}};
};

void test_output_without_room() {
  Fixture f(describe(run_copy));
  CHECK(f.run_rows(2) == CORTADO_OK && f.y[7] == 8.0f && f.outputs[0].dims[0] == 2);
  CHECK(f.outputs[1].rank == -1 && f.outputs[1].dtype == CORTADO_INT64);  // this net never shapes it
  CHECK(f.run_rows(0) == CORTADO_OK && f.outputs[0].dims[0] == 0 && f.outputs[0].dims[1] == 4);
  CHECK(f.run_rows(3) == CORTADO_BUFFER_TOO_SMALL && last_fault(f.model).min == 48);
  f.outputs[0].data = nullptr;
  CHECK(f.run_rows(2) == CORTADO_NULL_ARGUMENT && last_fault(f.model).output == 0);
  CHECK(run(f.model, &f.input, 1, nullptr, 0) == CORTADO_NULL_ARGUMENT);
}

// Dims that a net must never report, whatever it computed.
std::int64_t bad_rows = 0, bad_columns = 0;

void test_impossible_shapes() {
  Fixture f(describe([](RunContext& run) {
    if (!run.shape_output(0, run.extent(0), 4)) return;
    if (bad_columns < 0) {
      if (run.shape_output(1)) CHECK(false);
    } else {
      run.shape_output(1, bad_rows, bad_columns);
    }
  }));
  const std::int64_t shapes[][2] = {{3, 1}, {1, 5}, {-1, 1}, {INT64_MAX, INT64_MAX}, {2, INT64_MIN}};
  for (const auto& shape : shapes) {
    bad_rows = shape[0];
    bad_columns = shape[1];
    const Status status = f.run_rows(1);
    CHECK(status == (bad_columns < 0 ? CORTADO_WRONG_RANK : CORTADO_EXTENT_OUT_OF_BOUNDS) && last_fault(f.model).output == 1);
  }
  bad_rows = 2;
  bad_columns = 4;
  CHECK(f.run_rows(1) == CORTADO_OK && f.outputs[1].dims[0] == 2);
}

void test_late_result_is_copied() {
  Fixture f(describe([](RunContext& run) {
    if (!run.shape_output(0, run.extent(0), 4)) return;
    run.output<std::int64_t>(1)[0] = 41;
    run.output<std::int64_t>(1)[1] = 42;
    run.settle_output(1, 2);
  }));
  std::int64_t z[2] = {};
  f.outputs[1] = {z, sizeof z, 0, 0, {}};
  CHECK(f.run_rows(1) == CORTADO_OK && z[0] == 41 && z[1] == 42 && f.outputs[1].rank == 1 && f.outputs[1].data == z);
  f.outputs[1].size_bytes = 8;
  CHECK(f.run_rows(1) == CORTADO_BUFFER_TOO_SMALL);
}

void test_faults_of_many_parts() {
  Fixture f(describe([](RunContext& run) {
    if (!run.shape_output(0, run.extent(0), 4)) return;
    run.step(0, [](RunContext& r, Part part) { r.check(CORTADO_BAD_VALUE, part.index + 1, 0, 9); }, 8);
  }));
  for (int i = 0; i < 200; ++i) {
    CHECK(f.run_rows(1) == CORTADO_BAD_VALUE);
    const cortado_fault fault = last_fault(f.model);
    CHECK(fault.got >= 1 && fault.got <= 8 && fault.max == 9 && fault.op == 7 && std::strcmp(fault.layer, "y") == 0);
  }
}

void test_trace() {
  Fixture f(describe([](RunContext& run) {
    if (!run.shape_output(0, run.extent(0), 4)) return;
    run.step(0, copy_x, 1);
    run.trace(7, "y", run.output<float>(0), run.extent(0), 4);
  }));
  static int calls = 0;
  set_trace(f.model, [](void* user, std::int32_t op, const char* blob, const cortado_tensor* tensor) {
    const auto* const fixture = static_cast<const Fixture*>(user);
    CHECK(op == 7 && std::strcmp(blob, "y") == 0 && tensor->data == fixture->y);
    CHECK(tensor->rank == 2 && tensor->dims[0] == 2 && tensor->size_bytes == 32 && tensor->dtype == CORTADO_FLOAT32);
    ++calls;
  }, &f);
  CHECK(f.run_rows(2) == CORTADO_OK && calls == 1);
  set_trace(f.model, nullptr, nullptr);
  CHECK(f.run_rows(2) == CORTADO_OK && calls == 1);
}

void test_a_model_runs_once_at_a_time() {
  static Fixture* fixture = nullptr;
  static Status inner = CORTADO_OK;
  Fixture f(describe([](RunContext& run) {
    if (!run.shape_output(0, run.extent(0), 4)) return;
    inner = cortado::run(fixture->model, nullptr, 0, nullptr, 0);
  }));
  fixture = &f;
  CHECK(f.run_rows(1) == CORTADO_OK && inner == CORTADO_BUSY);
}

void test_missing_parts_of_the_machine() {
  NetDescription net = describe(run_copy);
  Model* model = nullptr;
  net.cpu_features = 1u << 31;  // what no CPU has
  CHECK(create(net, nullptr, 0, nullptr, &model) == CORTADO_UNSUPPORTED_CPU && model == nullptr);
  net.cpu_features = 0;
  net.info.weight_bytes = 80;
  net.weights_file = "made_up.weights";
  CHECK(create(net, nullptr, 0, nullptr, &model) == CORTADO_WEIGHTS_MISSING && model == nullptr);
  net.info.weight_bytes = 0;
  net.info.arena_bytes = SIZE_MAX / 4;
  CHECK(create(net, nullptr, 0, nullptr, &model) == CORTADO_OUT_OF_MEMORY && model == nullptr);
}

void test_affinity() {
  const NetDescription net = describe(run_copy);
  Model* model = nullptr;
  cortado_options options = cortado_default_options();
  for (const char* wrong : {"", "slow", "1023"}) {
    options.affinity = wrong;
    CHECK(create(net, nullptr, 0, &options, &model) == CORTADO_BAD_AFFINITY && model == nullptr);
    CHECK(memory_bytes(net, &options) == 0);
  }
  for (const char* right : {"fast", "all"}) {
    options.affinity = right;
    CHECK(create(net, nullptr, 0, &options, &model) == CORTADO_OK);
    CHECK(threads(model) >= 1 && threads(model) <= net.info.threads && threads(model) <= usable_cpus());
    destroy(model);
  }
  // A caller that was compiled before the field was there.
  options.struct_size = offsetof(cortado_options, affinity);
  options.affinity = "slow";
  CHECK(create(net, nullptr, 0, &options, &model) == CORTADO_OK);
  destroy(model);
}

void test_null_models() {
  std::size_t bytes = 1;
  CHECK(run(nullptr, nullptr, 0, nullptr, 0) == CORTADO_NULL_ARGUMENT);
  CHECK(weights(nullptr, &bytes) == nullptr && bytes == 0 && threads(nullptr) == 0);
  CHECK(last_fault(nullptr).status == CORTADO_NULL_ARGUMENT);
  set_profile(nullptr, nullptr);
  set_trace(nullptr, nullptr, nullptr);
  destroy(nullptr);
}

}  // namespace

int main() {
  test_output_without_room();
  test_impossible_shapes();
  test_late_result_is_copied();
  test_faults_of_many_parts();
  test_trace();
  test_a_model_runs_once_at_a_time();
  test_missing_parts_of_the_machine();
  test_affinity();
  test_null_models();
  return check_result();
}
