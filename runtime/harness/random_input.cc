#include "random_input.h"

#include <cstring>

#include "tensor_file.h"

namespace cortado {

namespace {

// 64 random bits from a counter (the finalizer of SplitMix64, Steele et al. 2014).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// The size that another input with data gives to a symbol, or -1.
std::int64_t size_elsewhere(const cortado_model_info& info, std::int32_t symbol, const cortado_tensor* inputs) {
  for (std::size_t i = 0; i < info.n_inputs; ++i)
    for (int d = 0; inputs[i].data != nullptr && inputs[i].rank == info.inputs[i].rank && d < inputs[i].rank; ++d)
      if (info.inputs[i].symbols[d] == symbol && info.inputs[i].min_dims[d] != info.inputs[i].max_dims[d]) return inputs[i].dims[d];
  return -1;
}

std::int64_t choose_size(const cortado_model_info& info, std::size_t index, int d, const cortado_tensor* inputs) {
  const cortado_tensor_info& input = info.inputs[index];
  if (input.min_dims[d] == input.max_dims[d]) return input.max_dims[d];
  const std::int64_t multiple = input.symbols[d] >= 0 ? info.symbols[input.symbols[d]].multiple : 1;
  const std::int64_t elsewhere = input.symbols[d] >= 0 ? size_elsewhere(info, input.symbols[d], inputs) : -1;
  if (elsewhere >= 0) return elsewhere;
  if (d == 0 && multiple <= 1) return input.min_dims[d] > 1 ? input.min_dims[d] : 1;
  return multiple > 1 ? input.max_dims[d] / multiple * multiple : input.max_dims[d];
}

}  // namespace

bool make_random_input(const cortado_model_info& info, std::size_t index, const Arguments& arguments, cortado_tensor* inputs,
                       Bytes* storage, Error* error) {
  const TensorRequest& request = arguments.inputs[index];
  cortado_tensor tensor{};
  tensor.dtype = info.inputs[index].dtype;
  tensor.rank = request.rank >= 0 ? request.rank : info.inputs[index].rank;
  std::size_t bytes = cortado_dtype_bytes(tensor.dtype);
  for (int d = 0; d < tensor.rank; ++d) {
    tensor.dims[d] = request.rank >= 0 ? request.dims[d] : choose_size(info, index, d, inputs);
    // More than the net takes is reported by the run; here it only must not overflow.
    if (tensor.dims[d] > 0 && bytes > SIZE_MAX / 2 / static_cast<std::size_t>(tensor.dims[d]))
      return fail(error, kExitUsage, "--shape of input %s is larger than memory", info.inputs[index].name);
    bytes *= static_cast<std::size_t>(tensor.dims[d]);
  }
  if (!storage->resize(bytes)) return fail(error, kExitRun, "input %s does not fit into memory", info.inputs[index].name);
  std::memset(storage->data(), 0, bytes);
  const std::uint64_t stream = mix(static_cast<std::uint64_t>(arguments.seed) * 1000003u + index);
  if (tensor.dtype == CORTADO_FLOAT32) {
    for (std::size_t i = 0; i < bytes / sizeof(float); ++i)
      reinterpret_cast<float*>(storage->data())[i] = static_cast<float>(mix(stream + i) >> 40) * 0x1p-23f - 1.0f;
  } else if (tensor.dtype == CORTADO_UINT8) {
    for (std::size_t i = 0; i < bytes; ++i) storage->data()[i] = static_cast<std::uint8_t>(mix(stream + i) >> 56);
  }
  tensor.data = storage->data();
  tensor.size_bytes = bytes;
  inputs[index] = tensor;
  return true;
}

}  // namespace cortado
