// Random values for trials and timing.
#pragma once

#include "arguments.h"
#include "bytes.h"
#include "cortado/cortado.h"

namespace cortado {

// Fills inputs[index]: floats in -1..1, bytes 0..255, zeros for all other types, which are likely to be indices.
// Sizes: from --shape; else those other inputs fix; else 1 (or the least) for the first dimension and the most for all others.
bool make_random_input(const cortado_model_info& info, std::size_t index, const Arguments& arguments, cortado_tensor* inputs,
                       Bytes* storage, Error* error);

}  // namespace cortado
