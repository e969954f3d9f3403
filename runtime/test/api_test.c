/* The C interface of a generated net, on the example net: results, zero copies, and an error code for every misuse. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "example_net.h"

static float data_values[32];
static int64_t row_values[4];

/* Three rows: 1 2 3 4 | -1 0 1 2 | 5 5 5 5, scaled by 1, 2, 0.5, -1. */
static void make_inputs(cortado_tensor* inputs) {
  static const float values[12] = {1, 2, 3, 4, -1, 0, 1, 2, 5, 5, 5, 5};
  const cortado_tensor data = {data_values, sizeof data_values, CORTADO_FLOAT32, 2, {3, 4}};
  const cortado_tensor rows = {row_values, sizeof row_values, CORTADO_INT64, 1, {2}};
  memcpy(data_values, values, sizeof values);
  row_values[0] = 2;
  row_values[1] = 0;
  inputs[0] = data;
  inputs[1] = rows;
}

static example_model* make_model(int threads) {
  cortado_options options = cortado_default_options();
  example_model* model = NULL;
  options.threads = threads;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_OK);
  return model;
}

static cortado_status run(example_model* model, const cortado_tensor* inputs, size_t n_inputs) {
  cortado_tensor outputs[4];
  memset(outputs, 0, sizeof outputs);
  return example_run(model, inputs, n_inputs, outputs, 4);
}

static void test_results(int threads) {
  example_model* model = make_model(threads);
  cortado_tensor inputs[3], outputs[4];
  const float hidden[12] = {1, 4, 1.5f, -4, -1, 0, 0.5f, -2, 5, 10, 2.5f, -5};
  const float picks[12] = {1, 4, 1.5f, 0, 0, 0, 0.5f, 0, 5, 10, 2.5f, 0};
  int repeat;
  memset(outputs, 0, sizeof outputs);
  make_inputs(inputs);
  for (repeat = 0; repeat < 3; ++repeat) { /* the outputs of one run are passed to the next as they are */
    CHECK(example_run(model, inputs, 2, outputs, 4) == CORTADO_OK);
    CHECK(outputs[0].rank == 2 && outputs[0].dims[0] == 3 && outputs[0].dims[1] == 4);
    CHECK(memcmp(outputs[0].data, hidden, sizeof hidden) == 0);
    CHECK(outputs[1].rank == 2 && memcmp(outputs[1].data, picks, sizeof picks) == 0);
    CHECK(outputs[2].dims[0] == 2 && ((float*)outputs[2].data)[0] == 5.0f);
    CHECK(outputs[3].dims[0] == 2 && outputs[3].dims[1] == 4 && ((float*)outputs[3].data)[4] == 5.0f);
    CHECK(outputs[3].dtype == CORTADO_FLOAT32 && outputs[3].size_bytes == 96);
  }
  data_values[0] = -1; /* the other branch: rank 1 */
  CHECK(example_run(model, inputs, 2, outputs, 4) == CORTADO_OK);
  CHECK(outputs[1].rank == 1 && outputs[1].dims[0] == 1 && ((float*)outputs[1].data)[0] == 0.0f);
  example_destroy(model);
}

static void test_optional_input(void) {
  example_model* model = make_model(1);
  cortado_tensor inputs[3], output;
  float noise[4] = {10, 20, 30, 40};
  const cortado_tensor given = {noise, sizeof noise, CORTADO_FLOAT32, 1, {4}};
  make_inputs(inputs);
  memset(&output, 0, sizeof output);
  inputs[2] = given;
  CHECK(example_run(model, inputs, 3, &output, 1) == CORTADO_OK);
  CHECK(((float*)output.data)[0] == 11.0f && ((float*)output.data)[3] == 36.0f);
  inputs[2].data = NULL;
  CHECK(example_run(model, inputs, 3, &output, 1) == CORTADO_OK);
  CHECK(((float*)output.data)[0] == 1.0f);
  example_destroy(model);
}

static void test_caller_buffers(void) {
  example_model* model = make_model(1);
  cortado_tensor inputs[3], outputs[4];
  float bytes[4 * 32 + 1]; /* odd floats: not aligned to 64 bytes */
  int i;
  memset(outputs, 0, sizeof outputs);
  make_inputs(inputs);
  inputs[0].data = data_values + 1;
  inputs[0].size_bytes = 12 * sizeof(float);
  data_values[12] = 0;
  for (i = 0; i < 4; ++i) {
    outputs[i].data = bytes + 1 + 32 * i;
    outputs[i].size_bytes = 12 * sizeof(float); /* the actual size: smaller than the worst case */
  }
  outputs[2].size_bytes = outputs[3].size_bytes = 8 * sizeof(float);
  CHECK(example_run(model, inputs, 2, outputs, 4) == CORTADO_OK);
  CHECK(outputs[0].data == bytes + 1 && bytes[1] == 2.0f);
  CHECK(outputs[3].data == bytes + 97 && outputs[3].dims[0] == 2 && bytes[97] == 2.0f);
  CHECK(outputs[3].size_bytes == 8 * sizeof(float));
  outputs[3].size_bytes = 4 * sizeof(float);
  CHECK(example_run(model, inputs, 2, outputs, 4) == CORTADO_BUFFER_TOO_SMALL);
  CHECK(example_last_fault(model).output == 3 && example_last_fault(model).min == 32);
  outputs[0].size_bytes = 47;
  CHECK(example_run(model, inputs, 2, outputs, 4) == CORTADO_BUFFER_TOO_SMALL);
  CHECK(example_last_fault(model).output == 0);
  outputs[0].data = (char*)bytes + 2;
  CHECK(example_run(model, inputs, 2, outputs, 4) == CORTADO_BUFFER_MISALIGNED);
  example_destroy(model);
}

static void test_wrong_inputs(void) {
  example_model* model = make_model(2);
  cortado_tensor good[3], inputs[3];
  char text[200];
  make_inputs(good);
  memcpy(inputs, good, sizeof inputs);
  CHECK(run(NULL, inputs, 2) == CORTADO_NULL_ARGUMENT);
  CHECK(run(model, NULL, 2) == CORTADO_NULL_ARGUMENT);
  CHECK(run(model, inputs, 1) == CORTADO_WRONG_COUNT);
  CHECK(example_last_fault(model).input == 1);
  CHECK(run(model, inputs, 0) == CORTADO_WRONG_COUNT);
  CHECK(run(model, inputs, 4) == CORTADO_WRONG_COUNT);
  CHECK(example_run(model, inputs, 2, NULL, 0) == CORTADO_OK);
  CHECK(example_run(model, inputs, 2, NULL, 1) == CORTADO_NULL_ARGUMENT);
  CHECK(example_run(model, inputs, 2, inputs, 5) == CORTADO_WRONG_COUNT);
#define EXPECT_FAULT(change, wanted)                \
  memcpy(inputs, good, sizeof inputs);              \
  change;                                           \
  CHECK(run(model, inputs, 2) == wanted)
  EXPECT_FAULT(inputs[0].data = NULL, CORTADO_NULL_ARGUMENT);
  EXPECT_FAULT(inputs[0].dtype = CORTADO_FLOAT64, CORTADO_WRONG_DTYPE);
  EXPECT_FAULT(inputs[0].dtype = 99, CORTADO_WRONG_DTYPE);
  EXPECT_FAULT(inputs[0].rank = 3, CORTADO_WRONG_RANK);
  EXPECT_FAULT(inputs[0].rank = -1, CORTADO_WRONG_RANK);
  EXPECT_FAULT(inputs[0].dims[1] = 5, CORTADO_WRONG_DIM);
  EXPECT_FAULT(inputs[0].dims[0] = 0, CORTADO_DIM_OUT_OF_BOUNDS);
  EXPECT_FAULT(inputs[0].dims[0] = -3, CORTADO_DIM_OUT_OF_BOUNDS);
  EXPECT_FAULT(inputs[0].dims[0] = INT64_MAX, CORTADO_DIM_OUT_OF_BOUNDS);
  EXPECT_FAULT(inputs[0].size_bytes = 47, CORTADO_BUFFER_TOO_SMALL);
  EXPECT_FAULT(inputs[0].data = (char*)data_values + 2, CORTADO_BUFFER_MISALIGNED);
  EXPECT_FAULT(inputs[1].dims[0] = 0; inputs[1].data = NULL; inputs[1].size_bytes = 0, CORTADO_OK);
  EXPECT_FAULT(inputs[0].dims[0] = 9, CORTADO_DIM_OUT_OF_BOUNDS);
  CHECK(example_last_fault_text(model, text, sizeof text) == strlen(text));
  CHECK(strcmp(text, "input data, dimension 0: a variable dimension lies outside the bounds the net was compiled for: "
                     "expected 1 to 8, got 9") == 0);
  CHECK(example_last_fault_text(model, text, 6) == 5 && strcmp(text, "input") == 0);
  CHECK(example_last_fault_text(model, text, 0) == 0 && example_last_fault_text(model, NULL, 9) == 0);
  example_destroy(model);
}

static void test_faults_while_running(void) {
  example_model* model = make_model(2);
  cortado_tensor inputs[3];
  char text[200];
  int i;
  make_inputs(inputs);
  row_values[1] = 3;
  CHECK(run(model, inputs, 2) == CORTADO_INDEX_OUT_OF_RANGE);
  CHECK(example_last_fault(model).op == 5 && example_last_fault(model).got == 3);
  example_last_fault_text(model, text, sizeof text);
  CHECK(strcmp(text, "op 5 (gathered): an index is out of range: expected 0 to 2, got 3") == 0);
  row_values[1] = -1;
  CHECK(run(model, inputs, 2) == CORTADO_INDEX_OUT_OF_RANGE);
  row_values[1] = 0;
  for (i = 0; i < 32; ++i) data_values[i] = 1;
  inputs[0].dims[0] = 8;
  CHECK(run(model, inputs, 2) == CORTADO_EXTENT_OUT_OF_BOUNDS);
  CHECK(example_last_fault(model).op == 6 && example_last_fault(model).max == 6);
  inputs[0].dims[0] = 6;
  CHECK(run(model, inputs, 2) == CORTADO_OK);
  CHECK(example_last_fault(model).status == CORTADO_OK);
  example_destroy(model);
}

static void test_overlaps(void) {
  example_model* model = make_model(1);
  cortado_tensor inputs[3], outputs[4];
  float buffer[64];
  memset(outputs, 0, sizeof outputs);
  make_inputs(inputs);
  outputs[0].data = data_values + 11;
  outputs[0].size_bytes = 48;
  CHECK(example_run(model, inputs, 2, outputs, 1) == CORTADO_BUFFERS_OVERLAP);
  outputs[0].data = buffer;
  outputs[0].size_bytes = 128;
  outputs[1].data = buffer + 31;
  outputs[1].size_bytes = 128;
  CHECK(example_run(model, inputs, 2, outputs, 2) == CORTADO_BUFFERS_OVERLAP);
  outputs[1].data = buffer + 32;
  CHECK(example_run(model, inputs, 2, outputs, 2) == CORTADO_OK);
  memset(outputs, 0, sizeof outputs);
  CHECK(example_run(model, inputs, 2, outputs, 4) == CORTADO_OK);
  inputs[0].data = outputs[0].data; /* an output in the arena fed back */
  inputs[0].size_bytes = outputs[0].size_bytes;
  CHECK(example_run(model, inputs, 2, outputs, 4) == CORTADO_BUFFERS_OVERLAP);
  example_destroy(model);
}

static void test_memory(void) {
  cortado_options options = cortado_default_options();
  example_model* model = NULL;
  cortado_tensor inputs[3];
  const size_t with_arena = example_memory_bytes(NULL);
  char* memory = (char*)malloc(with_arena + 1);
  char* arena = (char*)malloc(EXAMPLE_ARENA_BYTES + 64);
  char* aligned = arena + (64 - (uintptr_t)arena % 64) % 64;
  make_inputs(inputs);
  CHECK(example_create(memory + 1, with_arena, NULL, &model) == CORTADO_OK);
  CHECK(run(model, inputs, 2) == CORTADO_OK);
  example_destroy(model);
  CHECK(example_create(memory, EXAMPLE_ARENA_BYTES, NULL, &model) == CORTADO_MEMORY_TOO_SMALL && model == NULL);
  CHECK(example_create(memory, 1, NULL, &model) == CORTADO_MEMORY_TOO_SMALL);
  options.arena = aligned;
  options.arena_bytes = EXAMPLE_ARENA_BYTES;
  CHECK(example_memory_bytes(&options) + EXAMPLE_ARENA_BYTES == with_arena);
  CHECK(example_create(memory, example_memory_bytes(&options), &options, &model) == CORTADO_OK);
  CHECK(run(model, inputs, 2) == CORTADO_OK);
  example_destroy(model);
  options.arena_bytes -= 1;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_ARENA_TOO_SMALL);
  options.arena = aligned + 4;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_ARENA_MISALIGNED);
  options = cortado_default_options();
  options.struct_size = 0;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_BAD_STRUCT_SIZE && example_memory_bytes(&options) == 0);
  options.struct_size = sizeof options + 8;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_BAD_STRUCT_SIZE);
  options.struct_size = sizeof(size_t); /* an older caller */
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_OK);
  example_destroy(model);
  CHECK(example_create(NULL, 0, NULL, NULL) == CORTADO_NULL_ARGUMENT);
  example_destroy(NULL);
  free(memory);
  free(arena);
}

static void test_weights(const char* path) {
  cortado_options options = cortado_default_options();
  example_model *model = NULL, *second = NULL;
  size_t bytes = 0;
  char* block = (char*)malloc(EXAMPLE_WEIGHT_BYTES + 64);
  char* copy = block + (64 - (uintptr_t)block % 64) % 64;
  options.check_weights = 1;
  options.weights_path = path;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_OK);
  CHECK(example_weights(model, &bytes) != NULL && bytes == EXAMPLE_WEIGHT_BYTES);
  memcpy(copy, example_weights(model, NULL), EXAMPLE_WEIGHT_BYTES);
  options.weights = example_weights(model, &options.weights_bytes);
  CHECK(example_create(NULL, 0, &options, &second) == CORTADO_OK);
  CHECK(example_weights(second, NULL) == example_weights(model, NULL));
  example_destroy(second);
  example_destroy(model);
  options.weights = copy;
  options.weights_bytes = EXAMPLE_WEIGHT_BYTES - 1;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_WEIGHTS_MISMATCH);
  options.weights_bytes = 3;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_WEIGHTS_MISMATCH);
  options.weights_bytes = EXAMPLE_WEIGHT_BYTES;
  copy[70] ^= 1;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_WEIGHTS_CORRUPT);
  copy[70] ^= 1;
  copy[24] ^= 1;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_WEIGHTS_MISMATCH);
  options.weights = copy + 4;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_WEIGHTS_MISALIGNED);
  options.weights = NULL;
  options.weights_path = "no-such-file";
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_WEIGHTS_UNREADABLE && model == NULL);
  options.weights_path = "/";
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_WEIGHTS_UNREADABLE);
  free(block);
}

static uint64_t ticks = 0;
static uint64_t tick(void) { return ticks += 5; }

static void test_profile_and_info(void) {
  cortado_options options = cortado_default_options();
  example_model* model = NULL;
  cortado_tensor inputs[3];
  uint64_t ns[EXAMPLE_LAYER_COUNT] = {0};
  const cortado_model_info* info = example_info();
  make_inputs(inputs);
  options.clock_ns = tick;
  CHECK(example_create(NULL, 0, &options, &model) == CORTADO_OK);
  example_set_profile(model, ns);
  CHECK(run(model, inputs, 2) == CORTADO_OK && run(model, inputs, 2) == CORTADO_OK);
  CHECK(ns[0] == 10 && ns[4] == 10);
  example_set_profile(model, NULL);
  CHECK(run(model, inputs, 2) == CORTADO_OK && ns[0] == 10);
  example_destroy(model);
  CHECK(info->n_inputs == EXAMPLE_INPUT_COUNT && info->n_outputs == EXAMPLE_OUTPUT_COUNT);
  CHECK(info->arena_bytes == EXAMPLE_ARENA_BYTES && info->weight_bytes == EXAMPLE_WEIGHT_BYTES);
  CHECK(strcmp(info->inputs[0].name, "data") == 0 && info->inputs[2].optional == 1);
  CHECK(strcmp(cortado_status_text((cortado_status)77), "unknown status") == 0);
}

int main(int argc, char** argv) {
  test_results(1);
  test_results(2);
  test_results(5);
  test_optional_input();
  test_caller_buffers();
  test_wrong_inputs();
  test_faults_while_running();
  test_overlaps();
  test_memory();
  test_weights(argc > 1 ? argv[1] : "example_net.weights");
  test_profile_and_info();
  return check_result();
}
