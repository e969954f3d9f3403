// The C++ wrapper on the example net, with and without exceptions.
#include "cortado/cortado.hpp"

#include "check.h"
#include "example_net.h"

CORTADO_DECLARE_MODEL(example, Example)

namespace {

cortado_status run_status(Example& model) {
#if defined(__cpp_exceptions)
  try {
    return model.run();
  } catch (const cortado_cpp::Error& error) {
    CHECK(model.error() == error.what());
    return error.status();
  }
#else
  return model.run();
#endif
}

void test_runs() {
  const std::vector<float> data = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::int64_t rows[] = {1};
  Example model;
  CHECK(model.status() == CORTADO_OK && Example::input_index("rows") == 1 && Example::output_index("kept") == 3);
  CHECK(Example::input_index("nothing") == -1);
  model.input(0, data.data(), {2, 4}).input(1, rows, {1});
  CHECK(run_status(model) == CORTADO_OK);
  CHECK(model.output<float>(0)[4] == 5.0f && model.output<std::int64_t>(0) == nullptr);
  CHECK((model.output_shape(0) == std::vector<std::int64_t>{2, 4}));

  float kept[24];
  model.output_to(3, kept, 24);
  Example moved(std::move(model));
  CHECK(run_status(moved) == CORTADO_OK && moved.output<float>(3) == kept);
  moved.input(0, data.data(), {1, 8});
  CHECK(run_status(moved) == CORTADO_WRONG_DIM);
  CHECK(moved.error() == "input data, dimension 1: wrong dimension: expected 4, got 8");
  moved.clear_input(0);
  CHECK(run_status(moved) != CORTADO_OK);
}

void test_failed_create() {
  cortado_options options = cortado_default_options();
  options.weights_path = "no-such-file";
#if defined(__cpp_exceptions)
  bool thrown = false;
  try {
    Example model(options);
  } catch (const cortado_cpp::Error& error) {
    thrown = error.status() == CORTADO_WEIGHTS_UNREADABLE;
  }
  CHECK(thrown);
#else
  Example model(options);
  CHECK(model.status() == CORTADO_WEIGHTS_UNREADABLE && model.error() == "the weight file cannot be read");
#endif
}

}  // namespace

int main() {
  test_runs();
  test_failed_create();
  return check_result();
}
