// The C library's functions of floats and doubles that kernels use, so that an image needs no C library. Images hold those
// alone that their net calls.
#include "elementary.h"
#include "rounding.h"

using namespace cortado;

#define FUNCTION(type, name, value) \
  type name(type x);                \
  type name(type x) { return value; }

#define FUNCTION_OF_TWO(type, name, value) \
  type name(type x, type y);               \
  type name(type x, type y) { return value; }

extern "C" {

FUNCTION(float, floorf, rounded_down(x))
FUNCTION(float, ceilf, -rounded_down(-x))
FUNCTION(float, truncf, truncated(x))
FUNCTION(float, roundf, rounded_away(x))
FUNCTION(float, rintf, rounded_to_even(x))
FUNCTION(float, nearbyintf, rounded_to_even(x))
FUNCTION(float, sinf, sine(x, 0))
FUNCTION(float, cosf, sine(x, 1))
FUNCTION(float, expf, exponential(Pair<float>{x, 0}))
FUNCTION(float, logf, logarithm(x))
FUNCTION(float, log2f, logarithm_to_base_2(x))
FUNCTION_OF_TWO(float, fmodf, remainder_of(x, y))
FUNCTION_OF_TWO(float, powf, power(x, y))

FUNCTION(double, floor, rounded_down(x))
FUNCTION(double, ceil, -rounded_down(-x))
FUNCTION(double, trunc, truncated(x))
FUNCTION(double, round, rounded_away(x))
FUNCTION(double, rint, rounded_to_even(x))
FUNCTION(double, nearbyint, rounded_to_even(x))
FUNCTION(double, sqrt, square_root(x))
FUNCTION(double, sin, sine(x, 0))
FUNCTION(double, cos, sine(x, 1))
FUNCTION(double, exp, exponential(Pair<double>{x, 0}))
FUNCTION(double, log, logarithm(x))
FUNCTION(double, log2, logarithm_to_base_2(x))
FUNCTION(double, tanh, hyperbolic_tangent(x))
FUNCTION_OF_TWO(double, fmod, remainder_of(x, y))
FUNCTION_OF_TWO(double, pow, power(x, y))

float sqrtf(float x);
float sqrtf(float x) {
  float root;
  __asm__("vsqrt.f32 %0, %1" : "=t"(root) : "t"(x));
  return root;
}

}  // extern "C"
