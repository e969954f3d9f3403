/* What nets compiled for CUDA add to the C interface of cortado/cortado.h. C99 and C++; needs no header of CUDA. */
#ifndef CORTADO_CORTADO_CUDA_H
#define CORTADO_CORTADO_CUDA_H

#include "cortado/cortado.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CORTADO_DEVICE_ALIGNMENT 256 /* of the arena and of the weights on the device, in bytes */

/* cortado_options.device_options of a CUDA net may point to one. Zero every field but struct_size for the defaults. */
typedef struct cortado_cuda_options {
  size_t struct_size; /* sizeof(cortado_cuda_options) */
  int32_t device;     /* ordinal of the device */
  void* stream;       /* cudaStream_t for <net>_run; NULL = one that the model owns */
  void* arena;        /* device memory of at least <NET>_DEVICE_ARENA_BYTES, aligned to 256 bytes; NULL = create() allocates */
  size_t arena_bytes;
  const void* weights; /* <net>_device_weights of another model of this net, which must outlive this one; NULL = uploaded by create() */
} cortado_cuda_options;

static inline cortado_cuda_options cortado_default_cuda_options(void) {
  cortado_cuda_options options = {0, 0, NULL, NULL, 0, NULL};
  options.struct_size = sizeof options;
  return options;
}

#ifdef __cplusplus
}
#endif

#endif
