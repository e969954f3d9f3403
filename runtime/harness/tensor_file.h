// Tensors from files and into files, by extension: .npy, .raw/.bin, and pictures.
#pragma once

#include "arguments.h"
#include "bytes.h"
#include "cortado/cortado.h"

namespace cortado {

// Reads request.path. The tensor's data lies in *storage.
bool load_tensor(const cortado_model_info& model, const cortado_tensor_info& info, const TensorRequest& request,
                 const PixelFormat& pixels, Bytes* storage, cortado_tensor* tensor, Error* error);

bool save_tensor(const cortado_tensor_info& info, const cortado_tensor& tensor, const char* path, const PixelFormat& pixels,
                 Error* error);

// Bytes of a tensor's elements.
std::size_t tensor_bytes(const cortado_tensor& tensor);

// A picture as [1,H,W,4] uint8 blue-green-red-alpha, or as [1,C,H,W] float32 or uint8 with C = 1 or 3, and back.
bool image_to_tensor(const cortado_model_info& model, const cortado_tensor_info& info, const char* path, const PixelFormat& pixels,
                     Bytes* storage, cortado_tensor* tensor, Error* error);
bool tensor_to_image(const cortado_tensor_info& info, const cortado_tensor& tensor, const char* path, const PixelFormat& pixels,
                     Error* error);

}  // namespace cortado
