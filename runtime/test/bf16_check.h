// Support for the tests of bf16: conversions written the obvious way, packed weights in pairs of lanes, comparison with a float64
// result of bf16 operands.
#pragma once

#include <vector>

#include "cortado/bf16.h"

#include "kernel_check.h"

namespace check {

using cortado::Bfloat16;

/** Nearest bf16, ties to even, by comparing both neighbours in float64. */
inline Bfloat16 nearest_bf16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  Bfloat16 result;
  result.bits = static_cast<std::uint16_t>(bits >> 16);
  const double below = std::fabs(static_cast<double>(value) - static_cast<double>(static_cast<float>(result)));
  Bfloat16 next;
  next.bits = static_cast<std::uint16_t>(result.bits + 1);
  const double above = std::fabs(static_cast<double>(static_cast<float>(next)) - static_cast<double>(value));
  return above < below || (above == below && result.bits % 2 != 0) ? next : result;
}

inline std::vector<Bfloat16> to_bf16(const std::vector<float>& values) {
  std::vector<Bfloat16> result;
  for (const float value : values) result.push_back(value == value ? nearest_bf16(value) : Bfloat16(value));
  return result;
}

inline std::vector<float> to_floats(const std::vector<Bfloat16>& values) {
  std::vector<float> result;
  for (const Bfloat16 value : values) result.push_back(static_cast<float>(value));
  return result;
}

/** Numbers that bf16 holds exactly. */
inline std::vector<float> bf16_numbers(std::int64_t count, std::uint32_t seed) { return to_floats(to_bf16(numbers(count, seed))); }

/** `times` times: `lanes` rows of `width`. */
struct LaneRun {
  int lanes;
  int width;
  int times;
};

/** [lane][width] → [lane / 2][width][2], the partner of an odd last lane zero. */
inline std::vector<Bfloat16> in_pairs(const std::vector<float>& packed, const std::vector<LaneRun>& runs) {
  std::vector<Bfloat16> pairs;
  std::size_t from = 0;
  for (const LaneRun& run : runs)
    for (int time = 0; time < run.times; ++time) {
      for (int lane = 0; lane < run.lanes; lane += 2)
        for (int i = 0; i < run.width; ++i)
          for (int k = 0; k < 2; ++k) {
            const std::size_t at = from + static_cast<std::size_t>((lane + k) * run.width + i);
            pairs.push_back(lane + k < run.lanes ? nearest_bf16(packed[at]) : Bfloat16(0.0f));
          }
      from += static_cast<std::size_t>(run.lanes * run.width);
    }
  if (from != packed.size()) is_true("the runs cover the packed weights", false);
  return pairs;
}

/** Within half a step of bf16 of the exact result, and of rounding of float sums: `slack` of the largest result. */
inline void rounded(const char* name, const std::vector<float>& got, const std::vector<double>& expected, double slack = 1e-5) {
  double largest = 0, worst = 0;
  std::size_t at = 0;
  bool good = got.size() == expected.size();
  for (const double e : expected) largest = std::fmax(largest, std::fabs(e));
  for (std::size_t i = 0; good && i < got.size(); ++i) {
    const double error = std::fabs(static_cast<double>(got[i]) - expected[i]);
    const double excess = (error - std::fabs(expected[i]) / 256) / largest;
    if (!(excess <= worst)) worst = excess, at = i;
  }
  good = good && worst <= slack;
  if (!good) ++failures;
  std::printf("%-4s %-60s %.3g of the largest beyond rounding\n", good ? "ok" : "FAIL", name, worst);
  if (!good && got.size() == expected.size()) std::printf("     at %zu: expected %.9g, got %.9g\n", at, expected[at], static_cast<double>(got[at]));
}

}  // namespace check
