#include "tensor_file.h"

#include <cstring>
#include <strings.h>

#include "describe.h"
#include "image.h"
#include "npy.h"

namespace cortado {

namespace {

enum class FileKind { kNpy, kRaw, kImage, kUnknown };

FileKind kind_of(const char* path) {
  const char* const dot = std::strrchr(path, '.');
  if (dot == nullptr) return FileKind::kUnknown;
  if (strcasecmp(dot, ".npy") == 0) return FileKind::kNpy;
  if (strcasecmp(dot, ".raw") == 0 || strcasecmp(dot, ".bin") == 0) return FileKind::kRaw;
  return is_image_name(path) ? FileKind::kImage : FileKind::kUnknown;
}

bool unknown_kind(const char* path, Error* error) {
  return fail(error, kExitUsage, "%s: the extension must be .npy, .raw, .bin, .png, .ppm or .pgm", path);
}

// The sizes of a raw file: from --shape, else the net's own, where one varying size follows from the file's length.
bool raw_dims(const cortado_model_info& model, const cortado_tensor_info& info, const TensorRequest& request, std::size_t bytes, cortado_tensor* tensor,
              Error* error) {
  if (request.rank >= 0) {
    tensor->rank = request.rank;
    std::memcpy(tensor->dims, request.dims, sizeof tensor->dims);
    return true;
  }
  tensor->rank = info.rank;
  int varying = -1;
  std::size_t others = cortado_dtype_bytes(info.dtype);
  for (int d = 0; d < info.rank; ++d) {
    tensor->dims[d] = info.max_dims[d];
    if (info.min_dims[d] == info.max_dims[d]) {
      others *= static_cast<std::size_t>(info.max_dims[d]);
    } else if (varying >= 0) {
      return fail(error, kExitUsage, "%s: more than one size of input %s varies; give them with --shape %s=...", request.path,
                  info.name, info.name);
    } else {
      varying = d;
    }
  }
  if (varying < 0 || others == 0) return true;
  tensor->dims[varying] = static_cast<std::int64_t>(bytes / others);
  if (bytes % others == 0) return true;
  char text[200];
  describe_info(model, info, text, sizeof text);
  return fail(error, kExitRun, "%s has %zu bytes; input %s, %s, takes a multiple of %zu", request.path, bytes, info.name, text, others);
}

bool load_raw(const cortado_model_info& model, const cortado_tensor_info& info, const TensorRequest& request, Bytes* storage,
              cortado_tensor* tensor, Error* error) {
  if (!read_file(request.path, storage, error)) return false;
  tensor->dtype = info.dtype;
  tensor->data = storage->data();
  tensor->size_bytes = storage->size();
  if (!raw_dims(model, info, request, storage->size(), tensor, error)) return false;
  for (int d = 0; d < tensor->rank && tensor->rank == info.rank; ++d)
    if (tensor->dims[d] > info.max_dims[d]) return true;  // the run reports it
  char text[200];
  describe_tensor(*tensor, text, sizeof text);
  if (tensor_bytes(*tensor) == storage->size()) return true;
  return fail(error, kExitRun, "%s has %zu bytes; input %s as %s takes %zu", request.path, storage->size(), info.name, text,
              tensor_bytes(*tensor));
}

bool load_npy(const cortado_tensor_info& info, const TensorRequest& request, Bytes* storage, cortado_tensor* tensor, Error* error) {
  if (!read_file(request.path, storage, error) || !parse_npy(*storage, request.path, tensor, error)) return false;
  if (tensor->dtype == info.dtype) return true;
  const char* const wanted = cortado_dtype_text(info.dtype);
  return fail(error, kExitRun, "%s holds %s, input %s takes %s; save x.astype('%s') instead", request.path,
              cortado_dtype_text(tensor->dtype), info.name, wanted, wanted);
}

}  // namespace

std::size_t tensor_bytes(const cortado_tensor& tensor) {
  std::size_t bytes = cortado_dtype_bytes(tensor.dtype);
  for (int d = 0; d < tensor.rank; ++d) bytes *= static_cast<std::size_t>(tensor.dims[d]);
  return tensor.rank < 0 ? 0 : bytes;
}

bool load_tensor(const cortado_model_info& model, const cortado_tensor_info& info, const TensorRequest& request,
                 const PixelFormat& pixels, Bytes* storage, cortado_tensor* tensor, Error* error) {
  const FileKind kind = kind_of(request.path);
  if (request.rank >= 0 && kind != FileKind::kRaw)
    return fail(error, kExitUsage, "--shape is for raw and random inputs; %s has its own", request.path);
  switch (kind) {
    case FileKind::kNpy: return load_npy(info, request, storage, tensor, error);
    case FileKind::kRaw: return load_raw(model, info, request, storage, tensor, error);
    case FileKind::kImage: return image_to_tensor(model, info, request.path, pixels, storage, tensor, error);
    case FileKind::kUnknown: break;
  }
  return unknown_kind(request.path, error);
}

bool save_tensor(const cortado_tensor_info& info, const cortado_tensor& tensor, const char* path, const PixelFormat& pixels,
                 Error* error) {
  Bytes file;
  switch (kind_of(path)) {
    case FileKind::kNpy:
      return (format_npy(tensor, &file) || fail(error, kExitRun, "there is no memory to write %s", path)) &&
             write_file(path, file.data(), file.size(), error);
    case FileKind::kRaw: return write_file(path, tensor.data, tensor_bytes(tensor), error);
    case FileKind::kImage: return tensor_to_image(info, tensor, path, pixels, error);
    case FileKind::kUnknown: break;
  }
  return unknown_kind(path, error);
}

}  // namespace cortado
