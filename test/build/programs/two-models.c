/* Two models compiled for different targets, each run by threads of its own at the same time. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "digits.h"
#include "small.h"

enum { kRuns = 200 };

static void fill(float* data, size_t count, unsigned seed) {
  for (size_t i = 0; i < count; ++i) data[i] = (float)((i * 7 + seed * 13) % 17) / 17.0f;
}

static void check_rows(const float* rows, size_t count, size_t columns) {
  for (size_t r = 0; r < count; ++r) {
    float sum = 0;
    for (size_t c = 0; c < columns; ++c) sum += rows[r * columns + c];
    CHECK(sum > 0.999f && sum < 1.001f);
  }
}

static void* use_small(void* threads) {
  static const int64_t kCounts[] = {1, 3, 8};
  float data[8 * 3 * 6 * 6];
  float first[3][8 * 4];
  cortado_options options = cortado_default_options();
  small_model* model = NULL;
  options.threads = *(const int*)threads;
  CHECK(small_create(NULL, 0, &options, &model) == CORTADO_OK);
  for (int i = 0; i < kRuns; ++i) {
    const int64_t count = kCounts[i % 3];
    cortado_tensor input = {0};
    cortado_tensor outputs[2];
    memset(outputs, 0, sizeof outputs);
    fill(data, sizeof data / sizeof *data, 1);
    input.data = data;
    input.size_bytes = (size_t)count * 3 * 6 * 6 * sizeof(float);
    input.dtype = CORTADO_FLOAT32;
    input.rank = 4;
    input.dims[0] = count;
    input.dims[1] = 3;
    input.dims[2] = input.dims[3] = 6;
    CHECK(small_run(model, &input, 1, outputs, 2) == CORTADO_OK);
    CHECK(outputs[0].rank == 2 && outputs[0].dims[0] == count && outputs[0].dims[1] == 4);
    check_rows((const float*)outputs[0].data, (size_t)count, 4);
    if (i < 3)
      memcpy(first[i], outputs[0].data, (size_t)count * 4 * sizeof(float));
    else
      CHECK(memcmp(first[i % 3], outputs[0].data, (size_t)count * 4 * sizeof(float)) == 0);
  }
  small_destroy(model);
  return NULL;
}

static void* use_digits(void* threads) {
  const cortado_model_info* info = digits_info();
  cortado_options options = cortado_default_options();
  digits_model* model = NULL;
  cortado_tensor input = {0};
  cortado_tensor output = {0};
  float first[10];
  options.threads = *(const int*)threads;
  input.data = malloc(info->inputs[0].max_bytes);
  input.size_bytes = info->inputs[0].max_bytes;
  input.dtype = CORTADO_FLOAT32;
  input.rank = info->inputs[0].rank;
  memcpy(input.dims, info->inputs[0].max_dims, sizeof input.dims);
  fill((float*)input.data, input.size_bytes / sizeof(float), 2);
  CHECK(digits_create(NULL, 0, &options, &model) == CORTADO_OK);
  for (int i = 0; i < kRuns; ++i) {
    CHECK(digits_run(model, &input, 1, &output, 1) == CORTADO_OK);
    check_rows((const float*)output.data, 1, 10);
    if (i == 0) memcpy(first, output.data, sizeof first);
    CHECK(memcmp(first, output.data, sizeof first) == 0);
  }
  digits_destroy(model);
  free(input.data);
  return NULL;
}

int main(void) {
  const int one = 1, two = 2;
  pthread_t others[4];
  CHECK(strcmp(small_info()->target, "x86-64") == 0);
  CHECK(pthread_create(&others[0], NULL, use_small, (void*)&one) == 0);
  CHECK(pthread_create(&others[1], NULL, use_digits, (void*)&one) == 0);
  CHECK(pthread_create(&others[2], NULL, use_small, (void*)&two) == 0);
  CHECK(pthread_create(&others[3], NULL, use_digits, (void*)&two) == 0);
  for (int i = 0; i < 4; ++i) CHECK(pthread_join(others[i], NULL) == 0);
  puts("ok");
  return 0;
}
