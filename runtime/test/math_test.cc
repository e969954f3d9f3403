// Vector math against the C library in float64, over floats of all magnitudes and signs (every 997th bit pattern), and the
// special values. Vector and scalar versions must give the same bits.
#include "cortado/math.h"

#include <iterator>

#include "kernel_check.h"

namespace {

using namespace cortado;
using F = Vec<float, kFloatLanes>;

/** NEON of 32-bit ARM takes denormals for zeros: functions that calculate with them are not asked there. */
#if defined(__arm__)
constexpr bool kFlushesDenormals = true;
#else
constexpr bool kFlushesDenormals = false;
#endif

/** Distance in units of the last place of the exact result rounded to float. */
double ulps(float got, double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isnan(got) && std::isnan(exact)) return 0;
  if (got == rounded) return 0;
  if (!std::isfinite(rounded)) return std::fabs(got) == 3.40282347e38f && std::fabs(exact) < 3.4028236e38 ? 1 : 1e9;
  int exponent = 0;
  std::frexp(rounded, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::isfinite(got) ? std::fabs(static_cast<double>(got) - exact) / unit : (std::fabs(exact) > 3.4028234e38 ? 1 : 1e9);
}

template <class VectorFunction, class ScalarFunction, class Exact>
void check_function(const char* name, double bound, bool calculates, const VectorFunction& vector, const ScalarFunction& scalar, const Exact& exact) {
  double worst = 0;
  float worst_x = 0;
  bool same = true;
  std::uint32_t bits = 0;
  for (std::uint32_t step = 0; step < 4294967295u / 997u / kFloatLanes; ++step) {
    F x;
    for (int lane = 0; lane < kFloatLanes; ++lane, bits += 997u) x[lane] = bits_as<float>(bits);
    for (int lane = 0; lane < kFloatLanes && kFlushesDenormals && calculates; ++lane) {
      if (std::fabs(x[lane]) < 1.17549435e-38f) x[lane] = 0.0f;
    }
    if (step == 0) x[0] = kInfinityF, x[1] = -kInfinityF, x[2] = kNanF, x[3] = -0.0f;
    const F y = vector(x);
    for (int lane = 0; lane < kFloatLanes; ++lane) {
      const float number = scalar(static_cast<float>(x[lane])), got = y[lane];
      same = same && (bits_as<std::uint32_t>(number) == bits_as<std::uint32_t>(got) || (std::isnan(number) && std::isnan(got)));
      const double error = ulps(got, exact(static_cast<double>(x[lane])));
      if (!(error <= worst)) worst = error, worst_x = x[lane];
    }
  }
  char line[128];
  std::snprintf(line, sizeof line, "%s within %.2g ulp: worst %.3f at %.9g", name, bound, worst, static_cast<double>(worst_x));
  check::is_true(line, worst <= bound);
  if (!same) std::printf("     %s: vector and scalar bits differ\n", name);
  check::is_true("  vector and scalar agree", same);
}

#define SPECIAL(type) \
  {type(0.0), type(-0.0), type(1e-42), type(-1e-42), type(1e-38), type(-1e-38), type(1.2e-38), type(-1.2e-38), type(1), type(-1), type(3e38), type(-3e38), type(kInfinityF), type(-kInfinityF), type(kNanF)}
constexpr float kSpecial[] = SPECIAL(float);
/** The same in float64, where none is denormal: this program may run in a mode that takes denormals for zeros. */
constexpr double kSpecialExact[] = SPECIAL(double);

/** Comparisons of all pairs of special values, against those of float64. */
void check_comparisons() {
  bool good = true;
  for (std::size_t i = 0; i < std::size(kSpecial); ++i) {
    for (std::size_t j = 0; j < std::size(kSpecial); ++j) {
      F a, b;  // by lane: splat calculates
      for (int lane = 0; lane < kFloatLanes; ++lane) a[lane] = kSpecial[i], b[lane] = kSpecial[j];
      const double x = kSpecialExact[i], y = kSpecialExact[j];
      const auto is = [&](const auto& mask, bool expected) {
        for (int lane = 0; lane < kFloatLanes; ++lane) good = good && mask[lane] == (expected ? -1 : 0);
      };
      is(lt(a, b), x < y), is(le(a, b), x <= y), is(gt(a, b), x > y), is(ge(a, b), x >= y), is(eq(a, b), x == y), is(ne(a, b), x != y);
    }
  }
  check::is_true("comparisons of special values", good);
}

}  // namespace

#define CHECK_FUNCTION(f, bound, exact) CHECK_ONE(f, bound, true, exact)
/** For functions that no calculation with denormals is part of. */
#define CHECK_ROUNDING(f, exact) CHECK_ONE(f, 0.0, false, exact)
#define CHECK_ONE(f, bound, calculates, exact) \
  check_function(#f, bound, calculates, [](F x) { return f(x); }, [](float x) { return f(x); }, [](double x) { return exact; })

int main() {
  CHECK_FUNCTION(exp, 2.0, std::exp(x));
  CHECK_FUNCTION(log, 2.0, std::log(x));
  CHECK_FUNCTION(tanh, 3.0, std::tanh(x));
  CHECK_FUNCTION(sigmoid, 3.0, x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)));
  CHECK_FUNCTION(sqrt, 0.5, std::sqrt(x));
  CHECK_ROUNDING(floor, std::floor(x));
  CHECK_ROUNDING(ceil, std::ceil(x));
  CHECK_ROUNDING(round_half_even, std::nearbyint(x));
  CHECK_ROUNDING(abs, std::fabs(x));
  check_comparisons();
  return check::report();
}
