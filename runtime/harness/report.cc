#include "report.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cortado/clock.h"
#include "cpu_name.h"
#include "describe.h"
#include "system.h"
#include "tensor_file.h"

namespace cortado {

namespace {

constexpr std::int64_t kTop = 5;
constexpr std::int64_t kSmall = 16;

std::int64_t element_count(const cortado_tensor& tensor) {
  const std::size_t size = cortado_dtype_bytes(tensor.dtype);
  return size > 0 ? static_cast<std::int64_t>(tensor_bytes(tensor) / size) : 0;
}

template <class T>
double load(const void* data, std::int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const std::uint8_t*>(data) + static_cast<std::size_t>(index) * sizeof value, sizeof value);
  return static_cast<double>(value);
}

double half_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double magnitude = exponent == 31  ? (fraction != 0 ? NAN : INFINITY)
                           : exponent == 0 ? std::ldexp(fraction, -24)
                                           : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

double value_at(const cortado_tensor& tensor, std::int64_t index) {
  switch (tensor.dtype) {
    case CORTADO_FLOAT32: return load<float>(tensor.data, index);
    case CORTADO_FLOAT64: return load<double>(tensor.data, index);
    case CORTADO_FLOAT16: return half_value(static_cast<std::uint16_t>(load<std::uint16_t>(tensor.data, index)));
    case CORTADO_INT32: return load<std::int32_t>(tensor.data, index);
    case CORTADO_INT64: return load<std::int64_t>(tensor.data, index);
    case CORTADO_INT16: return load<std::int16_t>(tensor.data, index);
    case CORTADO_UINT16: return load<std::uint16_t>(tensor.data, index);
    case CORTADO_INT8: return load<std::int8_t>(tensor.data, index);
    default: return load<std::uint8_t>(tensor.data, index);
  }
}

// [n, c] or [n, c, 1, 1], all values in 0..1, each row adding up to 1.
bool looks_like_probabilities(const cortado_tensor& tensor) {
  if (tensor.dtype != CORTADO_FLOAT32 || tensor.rank < 2 || tensor.dims[1] < 2) return false;
  for (int d = 2; d < tensor.rank; ++d)
    if (tensor.dims[d] != 1) return false;
  for (std::int64_t row = 0; row < tensor.dims[0]; ++row) {
    double sum = 0;
    for (std::int64_t c = 0; c < tensor.dims[1]; ++c) {
      const double value = value_at(tensor, row * tensor.dims[1] + c);
      if (!(value >= 0 && value <= 1)) return false;
      sum += value;
    }
    if (std::fabs(sum - 1) > 1e-3) return false;
  }
  return tensor.dims[0] > 0;
}

void print_top(const cortado_tensor& tensor, std::int64_t row) {
  const std::int64_t columns = tensor.dims[1];
  std::int64_t shown[kTop];
  for (std::int64_t rank = 0; rank < kTop && rank < columns; ++rank) {
    std::int64_t best = -1;
    for (std::int64_t c = 0; c < columns; ++c) {
      bool taken = false;
      for (std::int64_t i = 0; i < rank; ++i) taken = taken || shown[i] == c;
      if (!taken && (best < 0 || value_at(tensor, row * columns + c) > value_at(tensor, row * columns + best))) best = c;
    }
    shown[rank] = best;
    std::printf("  %8lld  %.6f\n", static_cast<long long>(best), value_at(tensor, row * columns + best));
  }
}

void print_summary(const cortado_tensor& tensor, std::int64_t count) {
  double min = INFINITY, max = -INFINITY, sum = 0;
  std::int64_t strange = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = value_at(tensor, i);
    if (!std::isfinite(value)) {
      ++strange;
      continue;
    }
    min = value < min ? value : min;
    max = value > max ? value : max;
    sum += value;
  }
  if (count > strange) std::printf("  min %g, max %g, mean %g", min, max, sum / static_cast<double>(count - strange));
  if (strange > 0) std::printf("  %lld of %lld values are not finite", static_cast<long long>(strange), static_cast<long long>(count));
  std::printf("\n");
}

double ms(std::uint64_t ns) { return static_cast<double>(ns) * 1e-6; }

int compare_ns(const void* a, const void* b) {
  const auto x = *static_cast<const std::uint64_t*>(a), y = *static_cast<const std::uint64_t*>(b);
  return (x > y) - (x < y);
}

void put_json_string(std::FILE* out, const char* text) {
  std::fputc('"', out);
  for (; *text != '\0'; ++text) {
    const auto c = static_cast<unsigned char>(*text);
    if (c == '"' || c == '\\') std::fprintf(out, "\\%c", c);
    else if (c < 0x20) std::fprintf(out, "\\u%04x", static_cast<unsigned>(c));
    else std::fputc(c, out);
  }
  std::fputc('"', out);
}

/** A rate as text; nothing for a layer whose work only its run knows: the plan tells of the greatest. */
struct RateText {
  char text[16];
  RateText(double amount, double ns, bool is_known) {
    if (is_known) std::snprintf(text, sizeof text, "%.1f", amount / ns);
    else std::strcpy(text, "-");
  }
};

}  // namespace

std::uint64_t clock_ns() { return monotonic_ns(); }

void print_output(const char* name, const cortado_tensor& tensor) {
  char text[200];
  describe_tensor(tensor, text, sizeof text);
  std::printf("%s: %s\n", name, text);
  const std::int64_t count = element_count(tensor);
  if (looks_like_probabilities(tensor)) {
    for (std::int64_t row = 0; row < tensor.dims[0] && row < kTop; ++row) {
      if (tensor.dims[0] > 1) std::printf("  row %lld\n", static_cast<long long>(row));
      print_top(tensor, row);
    }
  } else if (count > 0 && count <= kSmall) {
    std::printf(" ");
    for (std::int64_t i = 0; i < count; ++i) std::printf(" %g", value_at(tensor, i));
    std::printf("\n");
  } else if (count > 0) {
    print_summary(tensor, count);
  }
}

void sort_times(RunTimes* times) { std::qsort(times->ns.data(), times->count(), sizeof(std::uint64_t), compare_ns); }

void print_times(const cortado_model_info& info, RunTimes& times) {
  const std::size_t n = times.count();
  std::printf("time    min %.3f ms, median %.3f ms  (%zu run%s, %d thread%s, start-up %.3f ms)\n", ms(times.values()[0]),
              ms(times.values()[n / 2]), n, n == 1 ? "" : "s", times.threads, times.threads == 1 ? "" : "s", ms(times.create_ns));
  std::printf("memory  arena %s, weights %s, peak resident %s\n", byte_text(info.arena_bytes).text, byte_text(info.weight_bytes).text,
              byte_text(peak_resident_bytes()).text);
}

void print_profile(const cortado_model_info& info, const std::uint64_t* ns, std::size_t runs) {
  std::uint64_t total = 0, macs = 0;
  bool is_known = true;
  const auto has_fixed_size = [](const cortado_layer& layer) { return std::strstr(layer.shape, "<=") == nullptr; };
  for (std::size_t i = 0; i < info.n_layers; ++i) {
    total += ns[i];
    macs += ns[i] > 0 ? info.layers[i].macs : 0;
    if (ns[i] > 0 && !has_fixed_size(info.layers[i])) is_known = false;
  }
  const auto n = static_cast<double>(runs);
  std::printf("%5s  %-18s %-28s %-24s %-22s %9s %6s %8s %7s\n", "op", "type", "blob", "kernel", "shape", "ms", "%", "GFLOP/s", "GB/s");
  for (std::size_t i = 0; i < info.n_layers; ++i) {
    const cortado_layer& layer = info.layers[i];
    const double time = static_cast<double>(ns[i]) / n;
    if (ns[i] == 0) continue;  // a branch not taken
    const RateText flops(2.0 * static_cast<double>(layer.macs), time, has_fixed_size(layer));
    const RateText bytes(static_cast<double>(layer.bytes), time, has_fixed_size(layer));
    std::printf("%5d  %-18s %-28s %-24s %-22s %9.4f %6.1f %8s %7s\n", layer.op, layer.type, layer.name, layer.kernel, layer.shape,
                time * 1e-6, 100.0 * static_cast<double>(ns[i]) / static_cast<double>(total), flops.text, bytes.text);
  }
  if (total == 0) return;
  const RateText all(2.0 * static_cast<double>(macs) * n, static_cast<double>(total), is_known);
  std::printf("%5s  %-18s %-28s %-24s %-22s %9.4f %6.1f %8s\n", "", "all", "", "", "", static_cast<double>(total) * 1e-6 / n, 100.0, all.text);
}

bool write_stats(const char* path, const cortado_model_info& info, RunTimes& times, const std::uint64_t* layer_ns, Error* error) {
  std::FILE* const out = std::fopen(path, "w");
  if (out == nullptr) return fail(error, kExitRun, "%s cannot be written", path);
  const std::size_t n = times.count();
  std::fprintf(out, "{\"net\":");
  put_json_string(out, info.net);
  std::fprintf(out, ",\"target\":");
  put_json_string(out, info.target);
  char cpu[256];
  cpu_name(cpu, sizeof cpu);
  std::fprintf(out, ",\"cpu\":");
  put_json_string(out, cpu);
  std::fprintf(out, ",\"threads\":%d,\"runs\":%zu,\"min_ms\":%.6f,\"median_ms\":%.6f,\"create_ms\":%.6f", times.threads, n,
               ms(times.values()[0]), ms(times.values()[n / 2]), ms(times.create_ns));
  std::fprintf(out, ",\"arena_bytes\":%zu,\"weight_bytes\":%zu,\"peak_resident_bytes\":%llu,\"layers\":[", info.arena_bytes,
               info.weight_bytes, static_cast<unsigned long long>(peak_resident_bytes()));
  for (std::size_t i = 0; layer_ns != nullptr && i < info.n_layers; ++i) {
    std::fprintf(out, "%s{\"op\":%d,\"type\":", i == 0 ? "" : ",", info.layers[i].op);
    put_json_string(out, info.layers[i].type);
    std::fprintf(out, ",\"blob\":");
    put_json_string(out, info.layers[i].name);
    std::fprintf(out, ",\"kernel\":");
    put_json_string(out, info.layers[i].kernel);
    std::fprintf(out, ",\"macs\":%llu,\"bytes\":%llu,\"ms\":%.6f}", static_cast<unsigned long long>(info.layers[i].macs),
                 static_cast<unsigned long long>(info.layers[i].bytes), ms(layer_ns[i]) / static_cast<double>(n));
  }
  std::fprintf(out, "]}\n");
  return std::fclose(out) == 0 || fail(error, kExitRun, "%s cannot be written", path);
}

}  // namespace cortado
