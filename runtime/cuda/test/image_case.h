// A kernel that writes an image, run on poisoned memory with threads in both orders and compared: real channels, padding, what must stay.
#pragma once

#include "conv_case.h"

namespace check {

template <class T>
constexpr double tolerance() {
  return std::is_same_v<T, Half> ? 1e-3 : 1e-5;
}

template <class T>
std::string named(const char* name) {
  return (std::is_same_v<T, Half> ? "fp16 " : "fp32 ") + std::string(name);
}

/** Runs body(y) on a poisoned y in both orders and compares its real channels, its padding and what must stay. */
template <class T, class Body>
void check_image(const std::string& name, std::int64_t pixels, int channels, int written, int stored, const std::vector<double>& expected, const Body& body) {
  Conv2dShape s{};
  s.out_channels = channels, s.y_written = written, s.y_stored = stored;
  in_both_orders([&](const char* order) {
    const DeviceArray<T> y(std::vector<T>(static_cast<std::size_t>(pixels * stored), element_of<T>(std::numeric_limits<float>::quiet_NaN())));
    body(y.data());
    close((name + order).c_str(), written_part(name, s, y.read()), expected, tolerance<T>());
  });
}

}  // namespace check
