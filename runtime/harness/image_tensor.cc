// Pictures as tensors and back. Nothing is resized: a picture of the wrong size is an error that says the right one.
#include <cstdio>

#include "describe.h"
#include "image.h"
#include "tensor_file.h"

namespace cortado {

namespace {

// How an image tensor lies in memory.
struct Layout {
  bool planar;
  int channels;
  int height_dim;
  int width_dim;
};

bool find_layout(const cortado_tensor_info& info, Layout* layout) {
  const auto fixed = [&info](int d, std::int64_t size) { return info.max_dims[d] == size && info.min_dims[d] == size; };
  const bool bytes = info.dtype == CORTADO_UINT8;
  if (info.rank != 4 || info.min_rank != 4 || info.min_dims[0] > 1) return false;
  if (bytes && fixed(3, 4)) {
    *layout = Layout{false, 4, 1, 2};
    return true;
  }
  *layout = Layout{true, fixed(1, 1) ? 1 : 3, 2, 3};
  return (bytes || info.dtype == CORTADO_FLOAT32) && (fixed(1, 1) || fixed(1, 3));
}

bool not_an_image(const cortado_tensor_info& info, const char* path, Error* error) {
  return fail(error, kExitUsage,
              "%s: %s is not an image tensor (uint8 [1,H,W,4], or float32 or uint8 [1,3,H,W] or [1,1,H,W]); use .npy", path, info.name);
}

bool size_fits(const cortado_model_info& model, const cortado_tensor_info& info, int d, std::int64_t size) {
  const std::int32_t symbol = info.symbols[d];
  const std::int64_t multiple = symbol >= 0 && info.min_dims[d] != info.max_dims[d] ? model.symbols[symbol].multiple : 1;
  return size >= info.min_dims[d] && size <= info.max_dims[d] && (multiple <= 1 || size % multiple == 0);
}

void describe_size(const cortado_model_info& model, const cortado_tensor_info& info, int d, char* text, std::size_t text_bytes) {
  const auto min = static_cast<long long>(info.min_dims[d]), max = static_cast<long long>(info.max_dims[d]);
  const std::int64_t multiple = info.symbols[d] >= 0 && min != max ? model.symbols[info.symbols[d]].multiple : 1;
  if (min == max) std::snprintf(text, text_bytes, "%lld", max);
  else if (multiple > 1) std::snprintf(text, text_bytes, "%lld to %lld in steps of %lld", min, max, static_cast<long long>(multiple));
  else std::snprintf(text, text_bytes, "%lld to %lld", min, max);
}

bool check_size(const cortado_model_info& model, const cortado_tensor_info& info, const Layout& layout, const Image& image,
                const char* path, Error* error) {
  if (size_fits(model, info, layout.height_dim, image.height) && size_fits(model, info, layout.width_dim, image.width)) return true;
  char height[80], width[80];
  describe_size(model, info, layout.height_dim, height, sizeof height);
  describe_size(model, info, layout.width_dim, width, sizeof width);
  return fail(error, kExitRun, "%s has height %lld and width %lld; input %s takes height %s and width %s; resize the picture", path,
              static_cast<long long>(image.height), static_cast<long long>(image.width), info.name, height, width);
}

// Which of red, green, blue is channel c of a planar tensor.
int color_of(const PixelFormat& pixels, int c) { return pixels.rgb ? c : 2 - c; }

float mean_of(const PixelFormat& pixels, int c) {
  if (pixels.n_means == 0) return 0.0f;
  return pixels.mean[c < pixels.n_means ? c : pixels.n_means - 1];
}

float planar_value(const std::uint8_t* rgba, const Layout& layout, const PixelFormat& pixels, int c) {
  if (layout.channels == 3) return rgba[color_of(pixels, c)];
  return 0.299f * static_cast<float>(rgba[0]) + 0.587f * static_cast<float>(rgba[1]) + 0.114f * static_cast<float>(rgba[2]);
}

std::uint8_t to_byte(float value) {
  if (!(value > 0.0f)) return 0;
  return value >= 255.0f ? 255 : static_cast<std::uint8_t>(value + 0.5f);
}

void put_planes(const Image& image, const Layout& layout, const PixelFormat& pixels, std::int32_t dtype, std::uint8_t* data) {
  const std::int64_t plane = image.width * image.height;
  for (int c = 0; c < layout.channels; ++c) {
    for (std::int64_t p = 0; p < plane; ++p) {
      const float value = planar_value(image.rgba.data() + p * 4, layout, pixels, c);
      if (dtype == CORTADO_FLOAT32) reinterpret_cast<float*>(data)[c * plane + p] = (value - mean_of(pixels, c)) * pixels.scale;
      else data[c * plane + p] = to_byte(value);
    }
  }
}

void swap_red_and_blue(const std::uint8_t* from, std::uint8_t* to, std::int64_t pixels) {
  for (std::int64_t p = 0; p < pixels * 4; p += 4) {
    to[p] = from[p + 2];
    to[p + 1] = from[p + 1];
    to[p + 2] = from[p];
    to[p + 3] = from[p + 3];
  }
}

// Undoes mean and scale.
void take_planes(const cortado_tensor& tensor, const Layout& layout, const PixelFormat& pixels, Image* image) {
  const std::int64_t plane = image->width * image->height;
  const auto* const bytes = static_cast<const std::uint8_t*>(tensor.data);
  const auto* const floats = static_cast<const float*>(tensor.data);
  for (std::int64_t p = 0; p < plane; ++p) {
    std::uint8_t* const rgba = image->rgba.data() + p * 4;
    rgba[3] = 255;
    for (int c = 0; c < 3; ++c) {
      const int source = layout.channels == 1 ? 0 : c;
      const std::int64_t at = source * plane + p;
      rgba[color_of(pixels, c)] =
          tensor.dtype == CORTADO_UINT8 ? bytes[at] : to_byte(floats[at] / pixels.scale + mean_of(pixels, source));
    }
  }
}

}  // namespace

bool image_to_tensor(const cortado_model_info& model, const cortado_tensor_info& info, const char* path, const PixelFormat& pixels,
                     Bytes* storage, cortado_tensor* tensor, Error* error) {
  Layout layout{};
  if (!find_layout(info, &layout)) return not_an_image(info, path, error);
  Bytes file;
  Image image;
  if (!read_file(path, &file, error) || !decode_image(file, path, &image, error)) return false;
  if (!check_size(model, info, layout, image, path, error)) return false;
  tensor->dtype = info.dtype;
  tensor->rank = 4;
  tensor->dims[0] = 1;
  tensor->dims[layout.planar ? 1 : 3] = layout.channels;
  tensor->dims[layout.height_dim] = image.height;
  tensor->dims[layout.width_dim] = image.width;
  tensor->size_bytes = tensor_bytes(*tensor);
  if (!storage->resize(tensor->size_bytes)) return fail(error, kExitRun, "%s does not fit into memory", path);
  tensor->data = storage->data();
  if (layout.planar) put_planes(image, layout, pixels, info.dtype, storage->data());
  else swap_red_and_blue(image.rgba.data(), storage->data(), image.width * image.height);
  return true;
}

bool tensor_to_image(const cortado_tensor_info& info, const cortado_tensor& tensor, const char* path, const PixelFormat& pixels,
                     Error* error) {
  Layout layout{};
  if (!find_layout(info, &layout) || tensor.rank != 4) return not_an_image(info, path, error);
  if (tensor.dims[0] != 1 || tensor_bytes(tensor) == 0)
    return fail(error, kExitRun, "%s: a picture holds one image, %s has %lld; use .npy", path, info.name, static_cast<long long>(tensor.dims[0]));
  Image image;
  image.height = tensor.dims[layout.height_dim];
  image.width = tensor.dims[layout.width_dim];
  image.channels = layout.channels;
  if (!image.rgba.resize(static_cast<std::size_t>(image.width * image.height) * 4))
    return fail(error, kExitRun, "there is no memory to write %s", path);
  if (layout.planar) take_planes(tensor, layout, pixels, &image);
  else swap_red_and_blue(static_cast<const std::uint8_t*>(tensor.data), image.rgba.data(), image.width * image.height);
  Bytes file;
  return encode_image(image, path, &file, error) && write_file(path, file.data(), file.size(), error);
}

}  // namespace cortado
