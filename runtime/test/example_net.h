/* example: 3 inputs, 4 outputs, 5 layers. Written by hand in the form the compiler prints (see runtime/CONTRACT.md).
   Inputs   data   float32 [N,4]           1 <= N <= 8
            rows   int64   [R]             0 <= R <= 4
            noise  float32 [4]             optional, absent = zeros
   Outputs  hidden float32 [N,4]
            picks  float32 [N,4] or [1]
            gathered float32 [R,4]
            kept   float32 [K,4]           0 <= K <= 6 */
#ifndef EXAMPLE_NET_H
#define EXAMPLE_NET_H

#include "cortado/cortado.h"

#define EXAMPLE_ARENA_BYTES 832
#define EXAMPLE_WEIGHT_BYTES 80
#define EXAMPLE_STACK_BYTES 4096
#define EXAMPLE_INPUT_COUNT 3
#define EXAMPLE_OUTPUT_COUNT 4
#define EXAMPLE_LAYER_COUNT 5

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default) /* everything else in the library is hidden */
#endif

typedef struct example_model example_model;

/* Names, types, shapes, bounds, sizes, layers. */
const cortado_model_info* example_info(void);

/* Bytes that example_create needs for a model with these options: the arena too, unless options bring one. */
size_t example_memory_bytes(const cortado_options* options);

/* Makes a model in `memory`, or in memory of its own if that is NULL. options may be NULL. Starts threads if asked to.
   Each model is used by one thread at a time; models share their weights. On failure *model is NULL. */
cortado_status example_create(void* memory, size_t memory_bytes, const cortado_options* options, example_model** model);

/* Runs the net. Inputs and outputs in the order of example_info; trailing optional inputs and unwanted trailing
   outputs may be left out. Allocates nothing. */
cortado_status example_run(example_model* model, const cortado_tensor* inputs, size_t n_inputs,
                           cortado_tensor* outputs, size_t n_outputs);

/* NULL is allowed. Caller-owned memory is not freed. */
void example_destroy(example_model* model);

/* What was wrong in the last example_run: as numbers, and as one line of text. */
cortado_fault example_last_fault(const example_model* model);
size_t example_last_fault_text(const example_model* model, char* text, size_t text_bytes);

/* Adds nanoseconds to ns_per_layer[EXAMPLE_LAYER_COUNT] on every run; NULL stops. */
void example_set_profile(example_model* model, uint64_t* ns_per_layer);

/* The weights in use, to be given to further models as options.weights. */
const void* example_weights(const example_model* model, size_t* weights_bytes);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
