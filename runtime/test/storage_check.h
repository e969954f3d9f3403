// Support for the tests of storage types: -DCORTADO_STORAGE=Bfloat16 or Half. Conversions written the obvious way, packed weights in
// runs of lanes, comparison with a float64 result of operands that were rounded.
#pragma once

#include <vector>

#include "cortado/products.h"

#include "kernel_check.h"

namespace check {

using Storage = cortado::CORTADO_STORAGE;
using cortado::kProductLanes;
inline constexpr bool kIsHalf = std::is_same_v<Storage, cortado::Half>;

/** Channels per block: halves fill a register of half-precision arithmetic. */
inline constexpr int kBlock = kIsHalf ? 2 * cortado::kFloatLanes : cortado::kFloatLanes;
/** Largest relative error of rounding to the nearest: half a step. */
inline constexpr double kRounding = kIsHalf ? 1.0 / 2048 : 1.0 / 256;
/** Error of sums over the largest result: of floats, or of as many halves as are summed before they are widened. */
inline constexpr double kSumsError = cortado::Products<Storage, cortado::Vec<float, kBlock>>::kMostProducts > 0 ? 3e-3 : 1e-5;

inline Storage with_bits(int bits) {
  Storage value;
  value.bits = static_cast<std::uint16_t>(bits);
  return value;
}

/** The nearest, ties to even, of a value of the type near the number and its neighbours, by distances in float64. */
inline Storage nearest(float number) {
  const int near = Storage(number).bits;
  Storage best = with_bits(near);
  const auto distance = [&](Storage value) { return std::fabs(static_cast<double>(static_cast<float>(value)) - static_cast<double>(number)); };
  for (const int bits : {near - 1, near + 1}) {
    const Storage other = with_bits(bits);
    if (distance(other) < distance(best) || (distance(other) == distance(best) && other.bits % 2 == 0)) best = other;
  }
  return best;
}

inline std::vector<Storage> to_storage(const std::vector<float>& values) {
  std::vector<Storage> result;
  for (const float value : values) result.push_back(value == value ? nearest(value) : Storage(value));
  return result;
}

inline std::vector<float> to_floats(const std::vector<Storage>& values) {
  std::vector<float> result;
  for (const Storage value : values) result.push_back(static_cast<float>(value));
  return result;
}

/** Numbers that the type holds exactly. */
inline std::vector<float> exact_numbers(std::int64_t count, std::uint32_t seed) { return to_floats(to_storage(numbers(count, seed))); }

/** `times` times: `lanes` rows of `width`. */
struct LaneRun {
  int lanes;
  int width;
  int times;
};

/** [lane][width] → [lane / step][width][step], step = kProductLanes, zeros past the last lane. */
inline std::vector<Storage> in_steps(const std::vector<float>& packed, const std::vector<LaneRun>& runs) {
  constexpr int step = kProductLanes<Storage>;
  std::vector<Storage> steps;
  std::size_t from = 0;
  for (const LaneRun& run : runs)
    for (int time = 0; time < run.times; ++time) {
      for (int lane = 0; lane < run.lanes; lane += step)
        for (int i = 0; i < run.width; ++i)
          for (int k = 0; k < step; ++k) {
            const std::size_t at = from + static_cast<std::size_t>((lane + k) * run.width + i);
            steps.push_back(lane + k < run.lanes ? nearest(packed[at]) : Storage(0.0f));
          }
      from += static_cast<std::size_t>(run.lanes * run.width);
    }
  if (from != packed.size()) is_true("the runs cover the packed weights", false);
  return steps;
}

/** Within half a step of the exact result, and of rounding of sums: `slack` of the largest result. */
inline void rounded(const char* name, const std::vector<float>& got, const std::vector<double>& expected, double slack) {
  double largest = 0, worst = 0;
  std::size_t at = 0;
  bool good = got.size() == expected.size();
  for (const double e : expected) largest = std::fmax(largest, std::fabs(e));
  for (std::size_t i = 0; good && i < got.size(); ++i) {
    const double error = std::fabs(static_cast<double>(got[i]) - expected[i]);
    const double excess = (error - std::fabs(expected[i]) * kRounding) / largest;
    if (!(excess <= worst)) worst = excess, at = i;
  }
  good = good && worst <= slack;
  if (!good) ++failures;
  std::printf("%-4s %-60s %.3g of the largest beyond rounding\n", good ? "ok" : "FAIL", name, worst);
  if (!good && got.size() == expected.size()) std::printf("     at %zu: expected %.9g, got %.9g\n", at, expected[at], static_cast<double>(got[at]));
}

}  // namespace check
