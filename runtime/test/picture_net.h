/* picture: image in, image out, no weights, one thread; by hand, in the form the compiler prints. It shares a program
   with the example net in two_nets_test.c.
   Inputs   image    uint8   [1,H,W,4]   2 <= H, W <= 64, even
            planes   float32 [1,3,4,6]   optional, absent = zeros
   Outputs  inverted uint8   [1,H,W,4]
            copy     float32 [1,3,4,6]
            half     float32 [1,1,4,6]   the first plane, halved */
#ifndef PICTURE_NET_H
#define PICTURE_NET_H

#include "cortado/cortado.h"

#define PICTURE_ARENA_BYTES 17152
#define PICTURE_WEIGHT_BYTES 0
#define PICTURE_STACK_BYTES 4096
#define PICTURE_INPUT_COUNT 2
#define PICTURE_OUTPUT_COUNT 3
#define PICTURE_LAYER_COUNT 3

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default) /* everything else in the library is hidden */
#endif

typedef struct picture_model picture_model;

const cortado_model_info* picture_info(void);
size_t picture_memory_bytes(const cortado_options* options);
cortado_status picture_create(void* memory, size_t memory_bytes, const cortado_options* options, picture_model** model);
cortado_status picture_run(picture_model* model, const cortado_tensor* inputs, size_t n_inputs, cortado_tensor* outputs,
                           size_t n_outputs);
void picture_destroy(picture_model* model);
cortado_fault picture_last_fault(const picture_model* model);
size_t picture_last_fault_text(const picture_model* model, char* text, size_t text_bytes);
void picture_set_profile(picture_model* model, uint64_t* ns_per_layer);
const void* picture_weights(const picture_model* model, size_t* weights_bytes);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
