// Whether this machine has what a net was compiled for.
#pragma once

#include "cortado/model.h"

namespace cortado {

// features: bits of CpuFeature. Asks the operating system for tile registers where they are wanted.
bool cpu_has(std::uint32_t features);

}  // namespace cortado
