// The CUDA runtime API, or the emulated one where CORTADO_CUDA_EMULATION is defined: then the same sources run without a GPU.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef CORTADO_CUDA_EMULATION
#include "cortado_cuda/emulation/runtime.h"
#else
#include <cuda_runtime_api.h>
#endif
