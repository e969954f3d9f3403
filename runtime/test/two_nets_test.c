/* Two nets in one program: headers together, symbols apart, models of both used from several threads. The picture net
   is compiled with -Dcortado=cortado_picture -DCORTADO_THREADS=0, the example net without. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "example_net.h"
#include "picture_net.h"

static void* use_both(void* argument) {
  static const float rows[8] = {1, 1, 1, 1, 2, 2, 2, 2};
  unsigned char image[16], inverted[16];
  cortado_tensor example_inputs[2] = {{(void*)rows, sizeof rows, CORTADO_FLOAT32, 2, {2, 4}}, {NULL, 0, CORTADO_INT64, 1, {0}}};
  cortado_tensor picture_input = {image, sizeof image, CORTADO_UINT8, 4, {1, 2, 2, 4}};
  cortado_tensor example_output, picture_output;
  example_model* example = NULL;
  picture_model* picture = NULL;
  int i;
  memset(&example_output, 0, sizeof example_output);
  memset(&picture_output, 0, sizeof picture_output);
  memset(image, 10, sizeof image);
  CHECK(example_create(NULL, 0, NULL, &example) == CORTADO_OK);
  CHECK(picture_create(NULL, 0, NULL, &picture) == CORTADO_OK);
  for (i = 0; i < 300; ++i) {
    CHECK(example_run(example, example_inputs, 2, &example_output, 1) == CORTADO_OK);
    CHECK(((float*)example_output.data)[5] == 4.0f);
    picture_output.data = inverted;
    picture_output.size_bytes = sizeof inverted;
    CHECK(picture_run(picture, &picture_input, 1, &picture_output, 1) == CORTADO_OK);
    CHECK(inverted[0] == 245 && inverted[3] == 10 && picture_output.dims[1] == 2);
  }
  picture_input.dims[2] = 3;
  CHECK(picture_run(picture, &picture_input, 1, &picture_output, 1) == CORTADO_WRONG_DIM);
  CHECK(picture_last_fault(picture).min == 2 && picture_last_fault(picture).max == 4);
  picture_output.size_bytes = 15;
  picture_input.dims[2] = 2;
  CHECK(picture_run(picture, &picture_input, 1, &picture_output, 1) == CORTADO_BUFFER_TOO_SMALL);
  example_destroy(example);
  picture_destroy(picture);
  return argument;
}

int main(void) {
  pthread_t others[3];
  int i;
  for (i = 0; i < 3; ++i) CHECK(pthread_create(&others[i], NULL, use_both, NULL) == 0);
  use_both(NULL);
  for (i = 0; i < 3; ++i) pthread_join(others[i], NULL);
  CHECK(picture_info()->weight_bytes == 0 && example_info()->weight_bytes == 80);
  return check_result();
}
