// Shapes, names and sizes as text.
#pragma once

#include "bytes.h"
#include "cortado/cortado.h"

namespace cortado {

// "data, im_info", cut to fit.
void list_names(const cortado_tensor_info* infos, std::size_t count, char* text, std::size_t text_bytes);

// "float32 [1,3,224,224]"
void describe_tensor(const cortado_tensor& tensor, char* text, std::size_t text_bytes);
// "float32 [N,3,224,224]"; bounds of symbols follow in print_tensors. Varying sizes without a symbol: 0..100.
void describe_info(const cortado_model_info& model, const cortado_tensor_info& info, char* text, std::size_t text_bytes);

void print_tensors(const cortado_model_info& info);
void print_layers(const cortado_model_info& info);

// "12.3 MB", decimal units.
struct ByteText {
  char text[24];
};
ByteText byte_text(std::uint64_t bytes);

}  // namespace cortado
