// The command line of an executable net.
#pragma once

#include "bytes.h"
#include "cortado/cortado.h"

namespace cortado {

// What the user said about one input or output.
struct TensorRequest {
  const char* path = nullptr;
  int rank = -1;  // of --shape; -1 = not given
  std::int64_t dims[CORTADO_MAX_RANK] = {};
};

// How pictures become planar tensors: (value - mean[c]) * scale, c in the tensor's channel order.
struct PixelFormat {
  float mean[4] = {};
  int n_means = 0;
  float scale = 1.0f;
  bool rgb = false;
};

struct Arguments {
  TensorRequest* inputs = nullptr;   // one per input of the net
  TensorRequest* outputs = nullptr;  // one per output
  PixelFormat pixels;
  const char* weights = nullptr;
  const char* trace = nullptr;
  const char* stats = nullptr;
  const char* affinity = nullptr;  // CPUs, see affinity.h
  std::int64_t repeat = 1;
  std::int64_t warmup = 0;
  std::int64_t threads = 0;
  std::int64_t seed = 1;
  bool random = false;
  bool info = false;
  bool profile = false;
  bool check_weights = false;
  bool help = false;

  ~Arguments();
};

bool parse_arguments(int argc, char** argv, const cortado_model_info& info, Arguments* arguments, Error* error);
void print_usage(const char* program, const cortado_model_info& info);

}  // namespace cortado
