#include "describe.h"

#include <cstdarg>
#include <cstdio>

namespace cortado {

namespace {

// snprintf that continues where the text ends.
class TextWriter {
 public:
  TextWriter(char* text, std::size_t bytes) : text_(text), bytes_(bytes) { text_[0] = '\0'; }

  void print(const char* format, ...) CORTADO_PRINTF(2, 3) {
    va_list values;
    va_start(values, format);
    const int n = std::vsnprintf(text_ + used_, bytes_ - used_, format, values);
    va_end(values);
    if (n > 0) used_ += static_cast<std::size_t>(n);
    if (used_ >= bytes_) used_ = bytes_ - 1;
  }

 private:
  char* text_;
  std::size_t bytes_;
  std::size_t used_ = 0;
};

}  // namespace

void list_names(const cortado_tensor_info* infos, std::size_t count, char* text, std::size_t text_bytes) {
  TextWriter out(text, text_bytes);
  for (std::size_t i = 0; i < count; ++i) out.print("%s%s", i == 0 ? "" : ", ", infos[i].name);
}

void describe_tensor(const cortado_tensor& tensor, char* text, std::size_t text_bytes) {
  TextWriter out(text, text_bytes);
  out.print("%s [", cortado_dtype_text(tensor.dtype));
  for (int d = 0; d < tensor.rank; ++d) out.print("%s%lld", d == 0 ? "" : ",", static_cast<long long>(tensor.dims[d]));
  out.print("]");
}

void describe_info(const cortado_model_info& model, const cortado_tensor_info& info, char* text, std::size_t text_bytes) {
  TextWriter out(text, text_bytes);
  out.print("%s [", cortado_dtype_text(info.dtype));
  for (int d = 0; d < info.rank; ++d) {
    out.print("%s", d == 0 ? "" : ",");
    if (info.min_dims[d] == info.max_dims[d]) out.print("%lld", static_cast<long long>(info.max_dims[d]));
    else if (info.symbols[d] >= 0) out.print("%s", model.symbols[info.symbols[d]].name);
    else out.print("%lld..%lld", static_cast<long long>(info.min_dims[d]), static_cast<long long>(info.max_dims[d]));
  }
  out.print("]");
  if (info.min_rank < info.rank) out.print(" or of %d dimension%s", info.min_rank, info.min_rank == 1 ? "" : "s");
}

void print_tensors(const cortado_model_info& info) {
  char text[200];
  for (std::size_t i = 0; i < info.n_inputs; ++i) {
    describe_info(info, info.inputs[i], text, sizeof text);
    std::printf("input   %-24s %s%s\n", info.inputs[i].name, text, info.inputs[i].optional != 0 ? "  optional" : "");
  }
  for (std::size_t i = 0; i < info.n_outputs; ++i) {
    describe_info(info, info.outputs[i], text, sizeof text);
    std::printf("output  %-24s %s\n", info.outputs[i].name, text);
  }
  for (std::size_t s = 0; s < info.n_symbols; ++s) {
    const cortado_symbol_info& symbol = info.symbols[s];
    std::printf("size    %-24s %lld to %lld", symbol.name, static_cast<long long>(symbol.min), static_cast<long long>(symbol.max));
    if (symbol.multiple > 1) std::printf(", a multiple of %lld", static_cast<long long>(symbol.multiple));
    std::printf("\n");
  }
}

void print_layers(const cortado_model_info& info) {
  std::printf("%5s  %-18s %-28s %-24s %-22s %10s\n", "op", "type", "blob", "kernel", "shape", "MMAC");
  for (std::size_t i = 0; i < info.n_layers; ++i) {
    const cortado_layer& layer = info.layers[i];
    std::printf("%5d  %-18s %-28s %-24s %-22s %10.3f\n", layer.op, layer.type, layer.name, layer.kernel, layer.shape,
                static_cast<double>(layer.macs) * 1e-6);
  }
}

ByteText byte_text(std::uint64_t bytes) {
  ByteText result;
  const double value = static_cast<double>(bytes);
  if (bytes < 10'000) std::snprintf(result.text, sizeof result.text, "%.0f B", value);
  else if (bytes < 10'000'000) std::snprintf(result.text, sizeof result.text, "%.1f kB", value * 1e-3);
  else std::snprintf(result.text, sizeof result.text, "%.1f MB", value * 1e-6);
  return result;
}

}  // namespace cortado
