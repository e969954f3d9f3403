// Support for the kernel tests: pseudo-random data, plain/blocked conversions written the obvious way, comparison.
// A kernel test prints one line per case; its main returns check::report(), 0 if all cases are good.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "cortado/part.h"
#include "cortado/simd.h"

namespace check {

inline int failures = 0;

/** The same numbers on every machine, in [-1, 1). */
inline std::vector<float> numbers(std::size_t count, std::uint32_t seed) {
  std::vector<float> values(count);
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
  }
  return values;
}

inline std::vector<float> numbers(std::int64_t count, std::uint32_t seed) { return numbers(static_cast<std::size_t>(count), seed); }

/** A result buffer: NaN everywhere, so that what a kernel forgets to write shows. */
inline std::vector<float> unset(std::int64_t count) {
  return std::vector<float>(static_cast<std::size_t>(count), std::numeric_limits<float>::quiet_NaN());
}

/** [n][c][pixels] → [n][ceil(c/b)][pixels][b]; the lanes past c get NaN, which no kernel may let through. */
inline std::vector<float> to_blocked(const std::vector<float>& x, std::int64_t n, std::int64_t c, std::int64_t pixels, int b) {
  const std::int64_t blocks = (c + b - 1) / b;
  std::vector<float> y = unset(n * blocks * pixels * b);
  for (std::int64_t i = 0; i < n * c * pixels; ++i) {
    const std::int64_t pixel = i % pixels, channel = i / pixels % c, image = i / pixels / c;
    y[static_cast<std::size_t>(((image * blocks + channel / b) * pixels + pixel) * b + channel % b)] = x[static_cast<std::size_t>(i)];
  }
  return y;
}

inline std::vector<float> to_plain(const std::vector<float>& y, std::int64_t n, std::int64_t c, std::int64_t pixels, int b) {
  const std::int64_t blocks = (c + b - 1) / b;
  std::vector<float> x(static_cast<std::size_t>(n * c * pixels));
  for (std::int64_t i = 0; i < n * c * pixels; ++i) {
    const std::int64_t pixel = i % pixels, channel = i / pixels % c, image = i / pixels / c;
    x[static_cast<std::size_t>(i)] = y[static_cast<std::size_t>(((image * blocks + channel / b) * pixels + pixel) * b + channel % b)];
  }
  return x;
}

/** Equal within tolerance · max(1, |expected|); NaN equals NaN, infinity equals itself. */
inline void close(const char* name, const std::vector<float>& got, const std::vector<double>& expected, double tolerance) {
  double worst = 0;
  std::size_t at = 0;
  bool good = got.size() == expected.size();
  for (std::size_t i = 0; good && i < got.size(); ++i) {
    const double g = static_cast<double>(got[i]), e = expected[i];
    if ((std::isnan(g) && std::isnan(e)) || g == e) continue;
    const double error = std::fabs(g - e) / std::fmax(1.0, std::fabs(e));
    if (!(error <= worst)) worst = error, at = i;
  }
  good = good && worst <= tolerance;
  if (!good) ++failures;
  std::printf("%-4s %-60s max error %.3g\n", good ? "ok" : "FAIL", name, worst);
  if (!good && got.size() == expected.size()) {
    std::printf("     at %zu: expected %.9g, got %.9g\n", at, expected[at], static_cast<double>(got[at]));
  }
}

inline void is_true(const char* name, bool good) {
  if (!good) ++failures;
  std::printf("%-4s %s\n", good ? "ok" : "FAIL", name);
}

/** Runs body(part) for each of `count` parts, last part first (parts must not depend on their order). */
template <class Body>
void in_parts(int count, const Body& body) {
  for (int index = count - 1; index >= 0; --index) body(cortado::Part{index, count});
}

inline int report() {
  std::printf("%s: %d failed\n", failures == 0 ? "PASS" : "FAIL", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace check
