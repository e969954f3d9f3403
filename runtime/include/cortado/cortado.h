/* The C interface shared by every net that Cortado compiles: status codes, tensors, options, introspection.
   It declares types and inline functions only; every linked symbol belongs to a net and carries the net's prefix.
   C99 and C++; several nets' headers, each including this one, may be included together. */
#ifndef CORTADO_CORTADO_H
#define CORTADO_CORTADO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORTADO_MAX_RANK 8
#define CORTADO_ALIGNMENT 64 /* of the arena and of the weights, in bytes */
#define CORTADO_MAX_ARENAS 4

typedef enum cortado_status {
  CORTADO_OK = 0,
  /* the call */
  CORTADO_NULL_ARGUMENT = 1,
  CORTADO_BAD_STRUCT_SIZE = 2,
  CORTADO_WRONG_COUNT = 3,
  CORTADO_WRONG_DTYPE = 4,
  CORTADO_WRONG_RANK = 5,
  CORTADO_WRONG_DIM = 6,
  CORTADO_DIM_OUT_OF_BOUNDS = 7,
  CORTADO_BUFFER_TOO_SMALL = 8,
  CORTADO_BUFFER_MISALIGNED = 9,
  CORTADO_BUFFERS_OVERLAP = 10,
  CORTADO_BUSY = 11,
  /* values met while running */
  CORTADO_INDEX_OUT_OF_RANGE = 20,
  CORTADO_LENGTHS_MISMATCH = 21,
  CORTADO_BAD_VALUE = 22,
  CORTADO_EXTENT_OUT_OF_BOUNDS = 23,
  CORTADO_SHAPE_MISMATCH = 24,
  CORTADO_DIVISION_BY_ZERO = 25,
  /* memory */
  CORTADO_MEMORY_TOO_SMALL = 30,
  CORTADO_ARENA_TOO_SMALL = 31,
  CORTADO_ARENA_MISALIGNED = 32,
  CORTADO_OUT_OF_MEMORY = 33,
  /* weights */
  CORTADO_WEIGHTS_MISSING = 40,
  CORTADO_WEIGHTS_UNREADABLE = 41,
  CORTADO_WEIGHTS_MISMATCH = 42,
  CORTADO_WEIGHTS_CORRUPT = 43,
  CORTADO_WEIGHTS_MISALIGNED = 44,
  /* the machine */
  CORTADO_THREAD_FAILED = 50,
  CORTADO_UNSUPPORTED_CPU = 51,
  CORTADO_NO_DEVICE = 52,
  CORTADO_DEVICE_MEMORY = 53,
  CORTADO_DEVICE_FAILED = 54,
  CORTADO_BAD_AFFINITY = 55
} cortado_status;

/* One sentence without a full stop, never NULL. */
static inline const char* cortado_status_text(cortado_status status) {
  switch (status) {
    case CORTADO_OK: return "ok";
    case CORTADO_NULL_ARGUMENT: return "a required pointer is NULL";
    case CORTADO_BAD_STRUCT_SIZE: return "struct_size is not one this library knows";
    case CORTADO_WRONG_COUNT: return "wrong number of inputs or outputs";
    case CORTADO_WRONG_DTYPE: return "wrong data type";
    case CORTADO_WRONG_RANK: return "wrong number of dimensions";
    case CORTADO_WRONG_DIM: return "wrong dimension";
    case CORTADO_DIM_OUT_OF_BOUNDS: return "a variable dimension lies outside the bounds the net was compiled for";
    case CORTADO_BUFFER_TOO_SMALL: return "size_bytes is smaller than the tensor";
    case CORTADO_BUFFER_MISALIGNED: return "a data pointer is not aligned to its element type";
    case CORTADO_BUFFERS_OVERLAP: return "an output overlaps another buffer, or an input lies in the model's arena";
    case CORTADO_BUSY: return "the model is already running; use one instance per thread";
    case CORTADO_INDEX_OUT_OF_RANGE: return "an index is out of range";
    case CORTADO_LENGTHS_MISMATCH: return "lengths do not add up to the data they describe";
    case CORTADO_BAD_VALUE: return "a value is not allowed here";
    case CORTADO_EXTENT_OUT_OF_BOUNDS: return "a size computed by the net exceeds its bound";
    case CORTADO_SHAPE_MISMATCH: return "shapes computed by the net do not fit together";
    case CORTADO_DIVISION_BY_ZERO: return "an integer is divided by zero";
    case CORTADO_MEMORY_TOO_SMALL: return "the memory for the model is too small";
    case CORTADO_ARENA_TOO_SMALL: return "the arena is too small";
    case CORTADO_ARENA_MISALIGNED: return "the arena is not aligned to 64 bytes";
    case CORTADO_OUT_OF_MEMORY: return "out of memory";
    case CORTADO_WEIGHTS_MISSING: return "the net has weights, and none are linked or given";
    case CORTADO_WEIGHTS_UNREADABLE: return "the weight file cannot be read";
    case CORTADO_WEIGHTS_MISMATCH: return "these weights belong to another net or another version of it";
    case CORTADO_WEIGHTS_CORRUPT: return "the weights are damaged: their checksum differs";
    case CORTADO_WEIGHTS_MISALIGNED: return "the weights are not aligned to 64 bytes";
    case CORTADO_THREAD_FAILED: return "a thread could not be started";
    case CORTADO_UNSUPPORTED_CPU: return "this CPU lacks instructions the net was compiled for";
    case CORTADO_NO_DEVICE: return "there is no device that the net was compiled for";
    case CORTADO_DEVICE_MEMORY: return "the device has not enough memory, or the given memory is too small or not aligned to 256 bytes";
    case CORTADO_DEVICE_FAILED: return "the device reports an error";
    case CORTADO_BAD_AFFINITY: return "the affinity names no CPUs, or some that this process may not use";
  }
  return "unknown status";
}

/* Element types; the numbers are Caffe2's TensorProto.DataType. */
typedef enum cortado_dtype {
  CORTADO_FLOAT32 = 1,
  CORTADO_INT32 = 2,
  CORTADO_BOOL = 5,
  CORTADO_UINT8 = 6,
  CORTADO_INT8 = 7,
  CORTADO_UINT16 = 8,
  CORTADO_INT16 = 9,
  CORTADO_INT64 = 10,
  CORTADO_FLOAT16 = 12,
  CORTADO_FLOAT64 = 13
} cortado_dtype;

/* Bytes of one element; 0 for an unknown type. */
static inline size_t cortado_dtype_bytes(int32_t dtype) {
  switch (dtype) {
    case CORTADO_BOOL:
    case CORTADO_UINT8:
    case CORTADO_INT8: return 1;
    case CORTADO_UINT16:
    case CORTADO_INT16:
    case CORTADO_FLOAT16: return 2;
    case CORTADO_FLOAT32:
    case CORTADO_INT32: return 4;
    case CORTADO_INT64:
    case CORTADO_FLOAT64: return 8;
    default: return 0;
  }
}

static inline const char* cortado_dtype_text(int32_t dtype) {
  switch (dtype) {
    case CORTADO_FLOAT32: return "float32";
    case CORTADO_INT32: return "int32";
    case CORTADO_BOOL: return "bool";
    case CORTADO_UINT8: return "uint8";
    case CORTADO_INT8: return "int8";
    case CORTADO_UINT16: return "uint16";
    case CORTADO_INT16: return "int16";
    case CORTADO_INT64: return "int64";
    case CORTADO_FLOAT16: return "float16";
    case CORTADO_FLOAT64: return "float64";
    default: return "unknown";
  }
}

/* A dense row-major tensor.
   As an input: everything is given; data NULL means "absent" and is allowed for optional inputs.
   As an output: give data and size_bytes (its capacity), or data NULL and size_bytes 0 to be pointed into the arena
   (valid until the next run; the struct can be passed again as it is). dtype, rank and dims are filled by the run. */
typedef struct cortado_tensor {
  void* data;
  size_t size_bytes;
  int32_t dtype;
  int32_t rank;
  int64_t dims[CORTADO_MAX_RANK];
} cortado_tensor;

/* A size that varies at run time: min <= value <= max, and value is a multiple of `multiple`. */
typedef struct cortado_symbol_info {
  const char* name;
  int64_t min;
  int64_t max;
  int64_t multiple;
} cortado_symbol_info;

/* Dimension i is fixed where min_dims[i] == max_dims[i]. symbols[i] is an index into the model's symbols, or -1.
   min_rank differs from rank only for outputs whose rank depends on a branch of the net. */
typedef struct cortado_tensor_info {
  const char* name;
  int32_t dtype;
  int32_t rank;
  int32_t min_rank;
  int32_t optional; /* inputs only: 1 = may be absent, which means zeros */
  int64_t max_dims[CORTADO_MAX_RANK];
  int64_t min_dims[CORTADO_MAX_RANK];
  int32_t symbols[CORTADO_MAX_RANK];
  size_t max_bytes;
} cortado_tensor_info;

/* One step of the generated code. macs and bytes (read and written) are those of the largest extents. */
typedef struct cortado_layer {
  int32_t op;         /* index in the net as published, before any fusion */
  const char* type;   /* Caffe2 operator type */
  const char* name;   /* output blob, as the net spells it */
  const char* kernel; /* runtime kernel chosen for it */
  const char* shape;  /* e.g. "f32[1,16,55,55]" */
  uint64_t macs;
  uint64_t bytes;
} cortado_layer;

/* A part of the arena that is meant for a memory region of its own. */
typedef struct cortado_arena_info {
  const char* region; /* as the target file names it */
  size_t bytes;
} cortado_arena_info;

typedef struct cortado_model_info {
  const char* net;
  const char* target;
  const char* version; /* of the compiler */
  const cortado_tensor_info* inputs;
  size_t n_inputs;
  const cortado_tensor_info* outputs;
  size_t n_outputs;
  const cortado_symbol_info* symbols;
  size_t n_symbols;
  const cortado_layer* layers;
  size_t n_layers;
  size_t n_ops;
  size_t arena_bytes; /* of all its parts */
  size_t weight_bytes; /* with the 64-byte header; 0 for a net without weights */
  size_t stack_bytes;
  int32_t threads; /* the number the steps are split for */
  const cortado_arena_info* arenas; /* its parts in order; NULL: the arena is one piece */
  size_t n_arenas;
} cortado_model_info;

/* Memory for one part of the arena, aligned to 64 bytes. */
typedef struct cortado_arena {
  void* data;
  size_t bytes;
} cortado_arena;

/* Zero every field but struct_size for the defaults; NULL instead of options means the same. */
typedef struct cortado_options {
  size_t struct_size;   /* sizeof(cortado_options) */
  void* arena;          /* aligned to 64 bytes; NULL = part of the model's memory */
  size_t arena_bytes;
  const void* weights;  /* a whole weight file in memory, aligned to 64 bytes; must outlive the model */
  size_t weights_bytes;
  const char* weights_path;
  int32_t threads;       /* 0 = as compiled, at most the CPUs of this process (the fast ones where they are unequal, or
                            those of `affinity`); 1 = the caller's thread alone */
  int32_t check_weights; /* 1 = recompute the checksum of the weights */
  uint64_t (*clock_ns)(void); /* for profiling; NULL = the system's monotonic clock */
  const void* device_options; /* for nets with steps on a device: see cortado_cuda.h */
  const cortado_arena* arenas; /* instead of `arena`: one for each part that info.arenas lists */
  size_t n_arenas;
  const char* affinity; /* Linux: CPUs that the model's own threads are bound to: "fast", "all", or "0,4-7"; NULL = not
                           bound. The thread that calls run belongs to the caller and is not bound */
} cortado_options;

static inline cortado_options cortado_default_options(void) {
  cortado_options options = {0, NULL, 0, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, 0, NULL};
  options.struct_size = sizeof options;
  return options;
}

/* What went wrong in the last call on a model, in numbers. Fields that do not apply are -1 (indexes) or 0. */
typedef struct cortado_fault {
  cortado_status status;
  int32_t op;        /* of the layer that failed, for faults met while running */
  const char* layer; /* its name, or NULL */
  int32_t input;
  int32_t output;
  int32_t dim;
  int64_t got;
  int64_t min;
  int64_t max;
} cortado_fault;

/* Called after a traced layer, in nets compiled with tracing; tensor.data is valid during the call. */
typedef void (*cortado_trace_fn)(void* user, int32_t op, const char* blob, const cortado_tensor* tensor);

#ifdef __cplusplus
}
#endif

#endif
