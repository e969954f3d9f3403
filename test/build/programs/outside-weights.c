/* Weights by path and by pointer; missing, damaged, cut, misaligned and another net's.
   Usage: outside-weights BY_FILE.weights BY_POINTER.weights */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "by_file.h"
#include "by_pointer.h"
#include "check.h"

static char* read_file(const char* path, size_t* bytes) {
  FILE* file = fopen(path, "rb");
  CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
  *bytes = (size_t)ftell(file);
  rewind(file);
  void* data = NULL;
  CHECK(posix_memalign(&data, 64, *bytes + 64) == 0);
  CHECK(fread(data, 1, *bytes, file) == *bytes);
  fclose(file);
  return data;
}

static cortado_status by_file(const char* path) {
  cortado_options options = cortado_default_options();
  by_file_model* model = NULL;
  options.weights_path = path;
  const cortado_status status = by_file_create(NULL, 0, path == NULL ? NULL : &options, &model);
  CHECK((status == CORTADO_OK) == (model != NULL));
  by_file_destroy(model);
  return status;
}

static cortado_status by_pointer(const void* weights, size_t bytes) {
  cortado_options options = cortado_default_options();
  by_pointer_model* model = NULL;
  options.weights = weights;
  options.weights_bytes = bytes;
  options.check_weights = 1;
  const cortado_status status = by_pointer_create(NULL, 0, &options, &model);
  CHECK((status == CORTADO_OK) == (model != NULL));
  by_pointer_destroy(model);
  return status;
}

int main(int argc, char** argv) {
  size_t bytes = 0, other_bytes = 0;
  CHECK(argc == 3);
  CHECK(by_file(argv[1]) == CORTADO_OK);
  CHECK(by_file(argv[2]) == CORTADO_WEIGHTS_MISMATCH);
  CHECK(by_file("no-such-file") == CORTADO_WEIGHTS_UNREADABLE);
  CHECK(by_file(argv[0]) == CORTADO_WEIGHTS_MISMATCH);

  char* weights = read_file(argv[2], &bytes);
  char* others = read_file(argv[1], &other_bytes);
  CHECK(bytes == BY_POINTER_WEIGHT_BYTES);
  CHECK(by_pointer(weights, bytes) == CORTADO_OK);
  CHECK(by_pointer(NULL, 0) == CORTADO_WEIGHTS_MISSING);
  CHECK(by_pointer(others, other_bytes) == CORTADO_WEIGHTS_MISMATCH);
  CHECK(by_pointer(weights, bytes - 1) == CORTADO_WEIGHTS_MISMATCH);
  CHECK(by_pointer(weights, 10) == CORTADO_WEIGHTS_MISMATCH);
  weights[bytes - 8] = (char)(weights[bytes - 8] ^ 1);
  weights[100] = (char)(weights[100] ^ 1);
  CHECK(by_pointer(weights, bytes) == CORTADO_WEIGHTS_CORRUPT);
  memmove(weights + 4, weights, bytes);
  CHECK(by_pointer(weights + 4, bytes) == CORTADO_WEIGHTS_MISALIGNED);
  free(weights);
  free(others);
  puts("ok");
  return 0;
}
