// The C++ wrapper on a compiled net.
#include "cortado/cortado.hpp"

#include "check.h"
#include "small.h"

CORTADO_DECLARE_MODEL(small, Small)

int main() {
  Small model;
  CHECK(model.status() == CORTADO_OK && Small::input_index("data") == 0 && Small::output_index("pooled") == 1);
  const std::vector<float> data(9 * 3 * 6 * 6, 0.5f);
  for (const std::int64_t count : {1, 8}) {
    model.input(0, data.data(), {count, 3, 6, 6});
    CHECK(model.run() == CORTADO_OK);
    CHECK((model.output_shape(0) == std::vector<std::int64_t>{count, 4}));
    const float* row = model.output<float>(0) + 4 * (count - 1);
    CHECK(row[0] + row[1] + row[2] + row[3] > 0.999f);
  }
  model.input(0, data.data(), {9, 3, 6, 6});
#if defined(__cpp_exceptions)
  bool thrown = false;
  try {
    model.run();
  } catch (const cortado_cpp::Error& error) {
    thrown = error.status() == CORTADO_DIM_OUT_OF_BOUNDS;
  }
  CHECK(thrown);
#else
  CHECK(model.run() == CORTADO_DIM_OUT_OF_BOUNDS);
#endif
  CHECK(model.error().find("expected 1 to 8, got 9") != std::string::npos);
  std::puts("ok");
  return 0;
}
