// What making a model and running it have in common.
#pragma once

#include "cortado/model.h"

namespace cortado {

constexpr cortado_fault fault_of(Status status) { return {status, -1, nullptr, -1, -1, -1, 0, 0, 0}; }

}  // namespace cortado
