// Where the emulation tells the sanitizer what happens: CORTADO_CHECK(barrier()). Nothing is left of it where CORTADO_CUDA_SANITIZER is
// not defined.
#pragma once

#if defined(CORTADO_CUDA_SANITIZER)
#include "cortado_cuda/emulation/sanitizer.h"
#define CORTADO_CHECK(...) ::cortado::cuda::emulation::sanitizer().__VA_ARGS__
#else
#define CORTADO_UNCHECKED
#define CORTADO_CHECK(...) static_cast<void>(0)
#endif
