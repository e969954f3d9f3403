// Vector math against the C library in float64, over floats of all magnitudes and signs (every 997th bit pattern), and the
// special values. Vector and scalar versions must give the same bits.
#include "cortado/math.h"

#include "kernel_check.h"

namespace {

using namespace cortado;
using F = Vec<float, kFloatLanes>;

/** NEON of 32-bit ARM takes denormals for zeros: floor(-1e-40) is −0 there. They are left out. */
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
void check_function(const char* name, double bound, const VectorFunction& vector, const ScalarFunction& scalar, const Exact& exact) {
  double worst = 0;
  float worst_x = 0;
  bool same = true;
  std::uint32_t bits = 0;
  for (std::uint32_t step = 0; step < 4294967295u / 997u / kFloatLanes; ++step) {
    F x;
    for (int lane = 0; lane < kFloatLanes; ++lane, bits += 997u) x[lane] = bits_as<float>(bits);
    for (int lane = 0; lane < kFloatLanes && kFlushesDenormals; ++lane) {
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

}  // namespace

#define CHECK_FUNCTION(f, bound, exact) \
  check_function(#f, bound, [](F x) { return f(x); }, [](float x) { return f(x); }, [](double x) { return exact; })

int main() {
  CHECK_FUNCTION(exp, 2.0, std::exp(x));
  CHECK_FUNCTION(log, 2.0, std::log(x));
  CHECK_FUNCTION(tanh, 3.0, std::tanh(x));
  CHECK_FUNCTION(sigmoid, 3.0, x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)));
  CHECK_FUNCTION(sqrt, 0.5, std::sqrt(x));
  CHECK_FUNCTION(floor, 0.0, std::floor(x));
  CHECK_FUNCTION(ceil, 0.0, std::ceil(x));
  CHECK_FUNCTION(round_half_even, 0.0, std::nearbyint(x));
  CHECK_FUNCTION(abs, 0.0, std::fabs(x));
  return check::report();
}
