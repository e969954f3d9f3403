// C++17 over the C interface of generated nets: owners, spans of typed data, and text for every failure. Header-only.
//
//   #include "foo.h"
//   #include "cortado/cortado.hpp"
//   CORTADO_DECLARE_MODEL(foo, Foo)              // once, after foo.h, at namespace scope
//
//   Foo model;                                   // throws cortado_cpp::Error, or with -fno-exceptions: check model.status()
//   model.input(0, pixels.data(), {1, 3, 224, 224});
//   model.run();
//   const float* softmax = model.output<float>(0);   // valid until the next run
//   std::vector<std::int64_t> shape = model.output_shape(0);
//
// One object is used by one thread at a time. Data given to input() must stay alive until run() returns.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "cortado/cortado.h"

#if defined(__cpp_exceptions)
#include <stdexcept>
#endif

// Not `cortado`: that namespace belongs to the runtime, and a build may give it another name.
namespace cortado_cpp {

#if defined(__cpp_exceptions)
class Error : public std::runtime_error {
 public:
  Error(cortado_status status, const std::string& text) : std::runtime_error(text), status_(status) {}
  cortado_status status() const noexcept { return status_; }

 private:
  cortado_status status_;
};
#endif

template <class T>
struct Dtype;
template <> struct Dtype<float> { static constexpr std::int32_t value = CORTADO_FLOAT32; };
template <> struct Dtype<double> { static constexpr std::int32_t value = CORTADO_FLOAT64; };
template <> struct Dtype<bool> { static constexpr std::int32_t value = CORTADO_BOOL; };
template <> struct Dtype<std::uint8_t> { static constexpr std::int32_t value = CORTADO_UINT8; };
template <> struct Dtype<std::int8_t> { static constexpr std::int32_t value = CORTADO_INT8; };
template <> struct Dtype<std::uint16_t> { static constexpr std::int32_t value = CORTADO_UINT16; };
template <> struct Dtype<std::int16_t> { static constexpr std::int32_t value = CORTADO_INT16; };
template <> struct Dtype<std::int32_t> { static constexpr std::int32_t value = CORTADO_INT32; };
template <> struct Dtype<std::int64_t> { static constexpr std::int32_t value = CORTADO_INT64; };

// Net: the C functions of one net, as CORTADO_DECLARE_MODEL lists them.
template <class Net>
class Model {
 public:
  explicit Model(const cortado_options& options = cortado_default_options())
      : inputs_(Net::info()->n_inputs), outputs_(Net::info()->n_outputs) {
    status_ = Net::create(&options, &model_);
    if (status_ != CORTADO_OK) fail(cortado_status_text(status_));
  }
  ~Model() { Net::destroy(model_); }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  Model(Model&& other) noexcept
      : model_(std::exchange(other.model_, nullptr)),
        status_(other.status_),
        inputs_(std::move(other.inputs_)),
        outputs_(std::move(other.outputs_)) {}
  Model& operator=(Model&& other) noexcept {
    std::swap(model_, other.model_);
    std::swap(status_, other.status_);
    inputs_.swap(other.inputs_);
    outputs_.swap(other.outputs_);
    return *this;
  }

  static const cortado_model_info& info() { return *Net::info(); }

  // Index of an input or output, by the name it has in the net; -1 if there is none.
  static int input_index(const std::string& name) { return find(info().inputs, info().n_inputs, name); }
  static int output_index(const std::string& name) { return find(info().outputs, info().n_outputs, name); }

  template <class T>
  Model& input(std::size_t index, const T* data, std::initializer_list<std::int64_t> shape) {
    return input(index, data, std::vector<std::int64_t>(shape));
  }

  template <class T>
  Model& input(std::size_t index, const T* data, const std::vector<std::int64_t>& shape) {
    cortado_tensor tensor{const_cast<T*>(data), sizeof(T), Dtype<T>::value, static_cast<std::int32_t>(shape.size()), {}};
    for (std::size_t d = 0; d < shape.size() && d < CORTADO_MAX_RANK; ++d) {
      tensor.dims[d] = shape[d];
      tensor.size_bytes *= shape[d] > 0 ? static_cast<std::size_t>(shape[d]) : 0;
    }
    inputs_.at(index) = tensor;
    return *this;
  }

  // Absent again; for optional inputs.
  Model& clear_input(std::size_t index) {
    inputs_.at(index) = cortado_tensor{};
    return *this;
  }

  // Where a result is to be written; without this it stays in the model until the next run.
  template <class T>
  Model& output_to(std::size_t index, T* data, std::size_t elements) {
    outputs_.at(index) = cortado_tensor{data, elements * sizeof(T), 0, 0, {}};
    return *this;
  }

  cortado_status run() {
    status_ = Net::run(model_, inputs_.data(), inputs_.size(), outputs_.data(), outputs_.size());
    if (status_ != CORTADO_OK) fail(error());
    return status_;
  }

  // nullptr if the output is of another type.
  template <class T>
  const T* output(std::size_t index) const {
    return outputs_.at(index).dtype == Dtype<T>::value ? static_cast<const T*>(outputs_.at(index).data) : nullptr;
  }

  std::vector<std::int64_t> output_shape(std::size_t index) const {
    const cortado_tensor& tensor = outputs_.at(index);
    return std::vector<std::int64_t>(tensor.dims, tensor.dims + (tensor.rank > 0 ? tensor.rank : 0));
  }

  cortado_status status() const { return status_; }

  // What was wrong in the last run.
  std::string error() const {
    char text[512] = "";
    if (model_ == nullptr) return cortado_status_text(status_);
    Net::fault_text(model_, text, sizeof text);
    return text;
  }

  typename Net::Handle* handle() { return model_; }

 private:
  static int find(const cortado_tensor_info* infos, std::size_t count, const std::string& name) {
    for (std::size_t i = 0; i < count; ++i)
      if (name == infos[i].name) return static_cast<int>(i);
    return -1;
  }

  void fail(const std::string& text) const {
#if defined(__cpp_exceptions)
    throw Error(status_, text);
#else
    (void)text;
#endif
  }

  typename Net::Handle* model_ = nullptr;
  cortado_status status_ = CORTADO_OK;
  std::vector<cortado_tensor> inputs_;
  std::vector<cortado_tensor> outputs_;
};

}  // namespace cortado_cpp

// Makes `Class` the C++ type of the net with the C prefix `net`.
#define CORTADO_DECLARE_MODEL(net, Class)                                                                              \
  struct Class##Net {                                                                                                  \
    using Handle = net##_model;                                                                                        \
    static const cortado_model_info* info() { return net##_info(); }                                                   \
    static cortado_status create(const cortado_options* options, Handle** model) {                                     \
      return net##_create(nullptr, 0, options, model);                                                                 \
    }                                                                                                                  \
    static cortado_status run(Handle* model, const cortado_tensor* inputs, std::size_t n_inputs,                       \
                              cortado_tensor* outputs, std::size_t n_outputs) {                                        \
      return net##_run(model, inputs, n_inputs, outputs, n_outputs);                                                   \
    }                                                                                                                  \
    static void destroy(Handle* model) { net##_destroy(model); }                                                       \
    static std::size_t fault_text(const Handle* model, char* text, std::size_t bytes) {                                \
      return net##_last_fault_text(model, text, bytes);                                                                \
    }                                                                                                                  \
  };                                                                                                                   \
  using Class = ::cortado_cpp::Model<Class##Net>;
