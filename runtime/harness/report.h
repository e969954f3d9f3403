// What an executable net prints after its runs: results, time, memory, time per layer.
#pragma once

#include "bytes.h"
#include "cortado/cortado.h"

namespace cortado {

struct RunTimes {
  Bytes ns;  // std::uint64_t for each timed run, sorted by print_times
  std::uint64_t create_ns = 0;
  int threads = 1;

  std::uint64_t* values() { return reinterpret_cast<std::uint64_t*>(ns.data()); }
  std::size_t count() const { return ns.size() / sizeof(std::uint64_t); }
};

std::uint64_t clock_ns();

// The five largest of each row where the output looks like probabilities, else range and mean, and small tensors whole.
void print_output(const char* name, const cortado_tensor& tensor);

void sort_times(RunTimes* times);
void print_times(const cortado_model_info& info, RunTimes& times);

// ns: sums over `runs` runs, one per layer.
void print_profile(const cortado_model_info& info, const std::uint64_t* ns, std::size_t runs);

// layer_ns may be nullptr.
bool write_stats(const char* path, const cortado_model_info& info, RunTimes& times, const std::uint64_t* layer_ns, Error* error);

}  // namespace cortado
