// The math functions of images without a C library against this machine's C library: floats of all magnitudes against its
// double functions, doubles against its long double ones, special values against C's rules.
#include "elementary.h"
#include "rounding.h"

#include "kernel_check.h"

namespace {

using namespace cortado;

/** Wider than T. */
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

/** Distance from the exact result in units of its last place as T; 0 for equal infinities, NaNs and signed zeros. */
template <class T>
double ulps(T got, Wide<T> exact) {
  const T rounded = static_cast<T>(exact);
  if (std::isnan(got) && std::isnan(rounded)) return 0;
  if (got == rounded && std::signbit(got) == std::signbit(rounded)) return 0;
  if (!std::isfinite(rounded) || !std::isfinite(got)) return 1e9;
  int exponent = 0;
  std::frexp(rounded, &exponent);
  using Limits = std::numeric_limits<T>;
  const Wide<T> unit = std::ldexp(Wide<T>{1}, std::max(exponent - Limits::digits, Limits::min_exponent - Limits::digits));
  return got == 0 && rounded == 0 ? 1e9 : static_cast<double>(std::fabs(static_cast<Wide<T>>(got) - exact) / unit);
}

/** Numbers of all magnitudes and signs, the special ones among them; `step` is odd. */
template <class T, class Visit>
void for_all(typename Format<T>::Word step, const Visit& visit) {
  using L = std::numeric_limits<T>;
  for (const T x : {T{0}, -T{0}, T{1}, T{-1}, static_cast<T>(0.5), static_cast<T>(2.5), T{3}, T{-3}, L::infinity(), -L::infinity(),
                    L::quiet_NaN(), L::denorm_min(), -L::denorm_min(), L::min(), L::max(), L::lowest()})
    visit(x);
  const auto count = static_cast<typename Format<T>::Word>(-1) / step;
  for (typename Format<T>::Word i = 0; i < count; ++i) visit(number_of<T>(i * step));
  // Where results are neither tiny nor infinite.
  for (int i = -60000; i < 60000; ++i) visit(static_cast<T>(i) * static_cast<T>(0.01457));
}

template <class T>
constexpr typename Format<T>::Word kStep = sizeof(T) == 4 ? 8009 : 0x8000000f1ull * 2041;

template <class T, class Function, class Exact>
void check_function(const char* name, double bound, const Function& function, const Exact& exact) {
  double worst = 0;
  T worst_x = 0;
  for_all<T>(kStep<T>, [&](T x) {
    const double error = ulps<T>(function(x), exact(static_cast<Wide<T>>(x)));
    if (!(error <= worst)) worst = error, worst_x = x;
  });
  char line[160];
  std::snprintf(line, sizeof line, "%s of %s within %.2g ulp: worst %.3f at %.17g", name, sizeof(T) == 4 ? "float" : "double", bound, worst,
                static_cast<double>(worst_x));
  check::is_true(line, worst <= bound);
}

/** Both arguments: special values, and pseudo-random pairs whose result is a number. */
template <class T, class Function, class Exact>
void check_pairs(const char* name, double bound, const Function& function, const Exact& exact) {
  double worst = 0;
  T worst_x = 0, worst_y = 0;
  const auto visit = [&](T x, T y) {
    const double error = ulps<T>(function(x, y), exact(static_cast<Wide<T>>(x), static_cast<Wide<T>>(y)));
    if (!(error <= worst)) worst = error, worst_x = x, worst_y = y;
  };
  for_all<T>(static_cast<typename Format<T>::Word>(-1) / 300 | 1, [&](T x) {
    using L = std::numeric_limits<T>;
    for (const T y : {T{0}, -T{0}, T{1}, T{-1}, T{2}, T{3}, T{-3}, static_cast<T>(0.5), static_cast<T>(-2.5), static_cast<T>(1e9), L::infinity(),
                      -L::infinity(), L::quiet_NaN(), L::denorm_min(), L::max(), static_cast<T>(16777217.0), 1 / L::epsilon(), 1 / L::epsilon() + 1})
      visit(x, y), visit(y, x);
  });
  std::uint64_t state = 1;
  const auto next = [&] { return state = state * 6364136223846793005u + 1442695040888963407u; };
  for (int i = 0; i < 100000; ++i) {
    // ln|x|·y within what the type holds, x from far below 1 to far above.
    const auto unit = [&] { return static_cast<T>(static_cast<double>(next() >> 11) / 9007199254740992.0); };
    const T x = static_cast<T>(std::exp2((unit() * 2 - 1) * (i % 3 == 0 ? 1 : std::numeric_limits<T>::max_exponent - 2)));
    const T y = (unit() * 2 - 1) * static_cast<T>(std::numeric_limits<T>::max_exponent) / static_cast<T>(std::fabs(std::log2(x)) + static_cast<T>(1e-3));
    visit(x, y);
  }
  char line[200];
  std::snprintf(line, sizeof line, "%s of %s within %.2g ulp: worst %.3f at %.17g, %.17g", name, sizeof(T) == 4 ? "float" : "double", bound, worst,
                static_cast<double>(worst_x), static_cast<double>(worst_y));
  check::is_true(line, worst <= bound);
}

template <class T>
void check_type() {
  using W = Wide<T>;
  check_function<T>("sin", 1.0, [](T x) { return sine(x, 0); }, [](W x) { return std::sin(x); });
  check_function<T>("cos", 1.0, [](T x) { return sine(x, 1); }, [](W x) { return std::cos(x); });
  check_function<T>("exp", 1.0, [](T x) { return exponential(Pair<T>{x, 0}); }, [](W x) { return std::exp(x); });
  check_function<T>("log", 1.0, [](T x) { return logarithm(x); }, [](W x) { return std::log(x); });
  check_function<T>("log2", 1.0, [](T x) { return logarithm_to_base_2(x); }, [](W x) { return std::log2(x); });
  check_function<T>("tanh", 2.0, [](T x) { return hyperbolic_tangent(x); }, [](W x) { return std::tanh(x); });
  check_function<T>("floor", 0, [](T x) { return rounded_down(x); }, [](W x) { return std::floor(x); });
  check_function<T>("trunc", 0, [](T x) { return truncated(x); }, [](W x) { return std::trunc(x); });
  check_function<T>("round", 0, [](T x) { return rounded_away(x); }, [](W x) { return std::round(x); });
  check_function<T>("rint", 0, [](T x) { return rounded_to_even(x); }, [](W x) { return std::nearbyint(x); });
  check_pairs<T>("pow", 2.0, [](T x, T y) { return power(x, y); }, [](W x, W y) { return std::pow(x, y); });
  check_pairs<T>("fmod", 0, [](T x, T y) { return remainder_of(x, y); }, [](W x, W y) { return std::fmod(x, y); });
}

}  // namespace

int main() {
  check_type<float>();
  check_type<double>();
  check_function<double>("sqrt", 0.5, [](double x) { return square_root(x); }, [](long double x) { return std::sqrt(x); });
  return check::report();
}
