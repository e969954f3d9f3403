// NumPy's .npy files: versions 1 to 3, C order, little-endian.
#pragma once

#include "bytes.h"
#include "cortado/cortado.h"

namespace cortado {

// tensor->data points into the file's bytes; size_bytes is what dims and dtype take, and all of it is there.
bool parse_npy(Bytes& file, const char* name, cortado_tensor* tensor, Error* error);

// Version 1.0. False if there is no memory.
bool format_npy(const cortado_tensor& tensor, Bytes* file);

}  // namespace cortado
