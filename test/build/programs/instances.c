/* Instances: weights shared, memory and arena of the caller, sizes beyond their bounds, wrong calls. */
#include <string.h>

#include "check.h"
#include "small.h"

static float data[9 * 3 * 6 * 6];

static cortado_tensor images(int64_t count) {
  cortado_tensor tensor = {0};
  tensor.data = data;
  tensor.size_bytes = (size_t)count * 3 * 6 * 6 * sizeof(float);
  tensor.dtype = CORTADO_FLOAT32;
  tensor.rank = 4;
  tensor.dims[0] = count;
  tensor.dims[1] = 3;
  tensor.dims[2] = tensor.dims[3] = 6;
  return tensor;
}

static cortado_status run(small_model* model, int64_t count, float* softmax) {
  cortado_tensor input = images(count);
  cortado_tensor outputs[2];
  memset(outputs, 0, sizeof outputs);
  outputs[0].data = softmax;
  outputs[0].size_bytes = 8 * 4 * sizeof(float);
  return small_run(model, &input, 1, outputs, 2);
}

int main(void) {
  float a[32], b[32], c[32], d[32];
  char text[256];
  small_model *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;
  cortado_options options = cortado_default_options();
  for (size_t i = 0; i < sizeof data / sizeof *data; ++i) data[i] = (float)(i % 23) / 23.0f;

  CHECK(small_create(NULL, 0, NULL, &first) == CORTADO_OK);
  CHECK(run(first, 8, a) == CORTADO_OK);

  /* The weights of the first model. */
  size_t weight_bytes = 0;
  options.weights = small_weights(first, &weight_bytes);
  options.weights_bytes = weight_bytes;
  options.check_weights = 1;
  CHECK(weight_bytes == SMALL_WEIGHT_BYTES);
  CHECK(small_create(NULL, 0, &options, &second) == CORTADO_OK);
  CHECK(small_weights(second, NULL) == options.weights);
  CHECK(run(second, 8, b) == CORTADO_OK && memcmp(a, b, sizeof a) == 0);

  /* Memory of the caller, arena in it; up to 63 bytes of it are for aligning. */
  const size_t bytes = small_memory_bytes(NULL);
  void* memory = NULL;
  CHECK(posix_memalign(&memory, 64, bytes) == 0);
  CHECK(bytes > SMALL_ARENA_BYTES);
  CHECK(small_create(memory, bytes - 64, NULL, &third) == CORTADO_MEMORY_TOO_SMALL && third == NULL);
  CHECK(small_create(memory, bytes, NULL, &third) == CORTADO_OK);
  CHECK(run(third, 8, c) == CORTADO_OK && memcmp(a, c, sizeof a) == 0);

  /* The arena of the caller, shared by nobody; too small; misaligned. */
  cortado_options own = cortado_default_options();
  own.arena_bytes = SMALL_ARENA_BYTES;
  void* arena_memory = NULL;
  CHECK(posix_memalign(&arena_memory, 64, SMALL_ARENA_BYTES + 64) == 0);
  char* arena = arena_memory;
  own.arena = arena;
  CHECK(small_memory_bytes(&own) < bytes);
  CHECK(small_create(NULL, 0, &own, &fourth) == CORTADO_OK);
  CHECK(run(fourth, 8, d) == CORTADO_OK && memcmp(a, d, sizeof a) == 0);
  small_destroy(fourth);
  own.arena_bytes = SMALL_ARENA_BYTES - 1;
  CHECK(small_create(NULL, 0, &own, &fourth) == CORTADO_ARENA_TOO_SMALL && fourth == NULL);
  own.arena_bytes = SMALL_ARENA_BYTES;
  own.arena = arena + 4;
  CHECK(small_create(NULL, 0, &own, &fourth) == CORTADO_ARENA_MISALIGNED);

  /* Sizes out of bounds, and that a refused run harms no later one. */
  CHECK(run(first, 0, b) == CORTADO_DIM_OUT_OF_BOUNDS);
  CHECK(run(first, 9, b) == CORTADO_DIM_OUT_OF_BOUNDS);
  CHECK(small_last_fault(first).got == 9 && small_last_fault(first).min == 1 && small_last_fault(first).max == 8);
  CHECK(small_last_fault_text(first, text, sizeof text) > 0 && strstr(text, "expected 1 to 8, got 9") != NULL);
  CHECK(run(first, 8, b) == CORTADO_OK && memcmp(a, b, sizeof a) == 0);
  CHECK(small_run(first, NULL, 1, NULL, 0) == CORTADO_NULL_ARGUMENT);

  small_destroy(first);
  small_destroy(second);
  small_destroy(third);
  small_destroy(NULL);
  free(memory);
  free(arena);
  puts("ok");
  return 0;
}
