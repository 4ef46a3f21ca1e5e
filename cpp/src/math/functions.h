// The elementary functions a cell may use, for float, double and Pack: exp, tanh, sigmoid, softplus, sqrt, sin, cos,
// max, min, abs, select.
//
// exp and expm1 share one reduction x = n ln 2 + r, |r| <= ln(2) / 2 (Cody and Waite 1980), and a polynomial r + r^2 q(r) for
// e^r - 1 whose largest relative error to e^r is minimal (Remez): 3.1e-9 for float and 3.6e-18 for double. It is evaluated in
// Estrin's order, whose chain of dependent operations is half of Horner's: a step of a small network waits for little else.
// sin and cos are reduced by multiples of pi / 2 in the same way; beyond 8192 (float) and 10^6 (double) they are those of the C
// library.
// NaN propagates. exp saturates at e^+-87 (float) and e^+-708 (double): it never overflows, and neither it nor the sigmoid
// becomes subnormal, which would be slow.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "isa.h"
#ifndef __CUDACC__
#include "pack.h"
#endif

namespace recurra {
inline namespace RECURRA_ISA {

template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T select(bool condition, T a, T b) {
  return condition ? a : b;
}

// Both keep a NaN of their first argument.
template <class N>
RECURRA_INLINE N max(N a, N b) {
  return select(a < b, b, a);
}
template <class N>
RECURRA_INLINE N min(N a, N b) {
  return select(a > b, b, a);
}
template <class N>
RECURRA_INLINE N abs(N a) {
  return select(a < N(0), -a, a);
}

// Scalars: for CUDA threads, and for a cell evaluated one unit at a time.
template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T exp(T x) { return ::exp(x); }
template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T expm1(T x) { return ::expm1(x); }
template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T tanh(T x) { return ::tanh(x); }
template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T sqrt(T x) { return ::sqrt(x); }
template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T sin(T x) { return ::sin(x); }
template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T cos(T x) { return ::cos(x); }
template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T sigmoid(T x) { return T(1) / (T(1) + exp(-x)); }

// log(1 + e) for 0 <= e <= 1, by the series of 2 artanh(t), t = e / (2 + e) <= 1/3: `terms` of it leave a remainder below
// 9^-terms / (2 terms + 1).
template <int terms, class N>
RECURRA_INLINE N log_of_one_plus(N e) {
  const N t = e / (e + N(2)), square = t * t;
  N sum(1.0 / (2 * terms - 1));
  for (int k = terms - 1; k >= 1; --k) sum = sum * square + N(1.0 / (2 * k - 1));
  return (t + t) * sum;
}
// log(1 + e^x)
template <int terms, class N>
RECURRA_INLINE N softplus_series(N x) {
  return max(x, N(0)) + log_of_one_plus<terms>(exp(-abs(x)));
}
template <class T, class = std::enable_if_t<std::is_floating_point_v<T>>>
RECURRA_INLINE T softplus(T x) { return softplus_series<sizeof(T) == sizeof(float) ? 8 : 17>(x); }

#ifndef __CUDACC__

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f, largest = 87.0f, smallest = -87.0f;
  static constexpr float round_to_integer = 12582912.0f;  // 1.5 * 2^23: the sum's low bits are the rounded integer
  static constexpr int mantissa_bits = 23, exponent_bias = 127;
  static constexpr float q[] = {0.49999993447796486827f, 0.16666520631709496887f, 0.041668388045313996659f,
                                0.0083687168797281399469f, 0.0013814598646664034453f};
};
template <>
struct ExpConstants<double> {
  static constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10, largest = 708.0,
                          smallest = -708.0;
  static constexpr double round_to_integer = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr int mantissa_bits = 52, exponent_bias = 1023;
  static constexpr double q[] = {0.50000000000000106271,     0.16666666666666412523,     0.04166666666653015859,
                                 0.0083333333334944616641,   0.0013888888943630112946,   0.00019841269506578687653,
                                 0.000024801493098906550659, 2.7557586373840163694e-6,   2.7630248379211443975e-7,
                                 2.5000061602835666699e-8};
};

// e^x = scale * (1 + fraction), with scale = 2^n and fraction = e^r - 1.
template <class T>
struct ScaledExp {
  Pack<T> scale, fraction;
};

// q[first] + q[first + 1] r + ..; power[i] = r^(2^i)
template <class T, int first, int count>
RECURRA_INLINE Pack<T> exp_series(const Pack<T>* power) {
  constexpr const auto& q = ExpConstants<T>::q;
  if constexpr (count == 1) {
    return Pack<T>(q[first]);
  } else if constexpr (count <= 3) {
    return Pack<T>(q[first]) + power[0] * exp_series<T, first + 1, count - 1>(power);
  } else {
    constexpr int level = count > 9 ? 3 : count > 5 ? 2 : 1, half = 1 << level;
    return exp_series<T, first, half>(power) + power[level] * exp_series<T, first + half, count - half>(power);
  }
}

template <class T>
RECURRA_INLINE ScaledExp<T> scaled_exp(Pack<T> x) {
  using C = ExpConstants<T>;
  using P = Pack<T>;
  using Mask = typename P::Mask;
  x = P::clamped(x, C::smallest, C::largest);
  const P shifted = x * P(T(1.44269504088896340736)) + P(C::round_to_integer);
  const P n = shifted - P(C::round_to_integer);
  const P r = (x - n * P(C::ln2_high)) - n * P(C::ln2_low);
  const Mask bits = (Mask(shifted.v) + C::exponent_bias) << C::mantissa_bits;
  constexpr int terms = sizeof(C::q) / sizeof(T);
  const P square = r * r, fourth = square * square, power[] = {r, square, fourth, fourth * fourth};
  return {P(typename P::Vector(bits)), r + square * exp_series<T, 0, terms>(power)};
}

template <class T>
RECURRA_INLINE Pack<T> exp(Pack<T> x) {
  const ScaledExp<T> e = scaled_exp(x);
  return e.scale + e.scale * e.fraction;
}

// e^x - 1, relative accuracy kept near 0.
template <class T>
RECURRA_INLINE Pack<T> expm1(Pack<T> x) {
  const ScaledExp<T> e = scaled_exp(x);
  return (e.scale - Pack<T>(1)) + e.scale * e.fraction;
}

template <class T>
RECURRA_INLINE Pack<T> sigmoid(Pack<T> x) {
  return Pack<T>(1) / (Pack<T>(1) + exp(-x));
}

// tanh x = (e^2x - 1) / (e^2x + 1)
template <class T>
RECURRA_INLINE Pack<T> tanh(Pack<T> x) {
  const Pack<T> e = expm1(x + x);
  return e / (e + Pack<T>(2));
}

template <class T>
RECURRA_INLINE Pack<T> softplus(Pack<T> x) {
  return softplus_series<sizeof(T) == sizeof(float) ? 8 : 17>(x);
}

template <class T, class F>
RECURRA_INLINE Pack<T> lane_by_lane(Pack<T> x, F f) {
  for (int lane = 0; lane < Pack<T>::lanes; ++lane) x.v[lane] = f(x.v[lane]);
  return x;
}
template <class T>
RECURRA_INLINE Pack<T> sqrt(Pack<T> x) {
  return lane_by_lane(x, [](T value) { return T(__builtin_sqrt(value)); });
}

template <class T>
struct CircleConstants;  // pi / 2 in three parts: products of the first two with numbers up to `largest` * 2 / pi are exact, or nearly
template <>
struct CircleConstants<float> {
  static constexpr float high = 1.5703125f, middle = 4.837512969970703125e-4f, low = 7.54978995489188216e-8f, largest = 8192.0f;
  static constexpr int degree = 10;
};
template <>
struct CircleConstants<double> {
  static constexpr double high = 1.57079625129699707031e+00, middle = 7.54978941586159635335e-08, low = 5.39030285815811905290e-15,
                          largest = 1e6;
  static constexpr int degree = 18;
};

// 1/k! - square/(k+2)! + ...; Horner's rule from the last term
template <class T, int k>
RECURRA_INLINE Pack<T> circle_series(Pack<T> square) {
  constexpr double factorial = [] {
    double product = 1;
    for (int i = 2; i <= k; ++i) product *= i;
    return product;
  }();
  if constexpr (k + 2 > CircleConstants<T>::degree)
    return Pack<T>(T(1 / factorial));
  else
    return Pack<T>(T(1 / factorial)) - square * circle_series<T, k + 2>(square);
}

// sin(x + quarter pi / 2), by the Taylor polynomials of sin and cos up to pi / 4. No lane is larger than `largest`.
template <class T>
RECURRA_INLINE Pack<T> sin_from(int quarter, Pack<T> x) {
  using C = CircleConstants<T>;
  using P = Pack<T>;
  const P shifted = x * P(T(0.63661977236758134308)) + P(ExpConstants<T>::round_to_integer);
  const P n = shifted - P(ExpConstants<T>::round_to_integer);
  const P r = ((x - n * P(C::high)) - n * P(C::middle)) - n * P(C::low), square = r * r;
  const typename P::Mask quadrant = typename P::Mask(shifted.v) + quarter;
  const P value = select((quadrant & 1) != 0, circle_series<T, 0>(square), r * circle_series<T, 1>(square));
  return select((quadrant & 2) != 0, -value, value);
}

template <class T>
RECURRA_INLINE bool beyond(Pack<T> x, T largest) {
  const typename Pack<T>::Mask mask = abs(x) > Pack<T>(largest);
  bool some = false;
  for (int lane = 0; lane < Pack<T>::lanes; ++lane) some |= mask[lane] != 0;
  return some;
}
template <class T>
RECURRA_INLINE Pack<T> sin(Pack<T> x) {
  if (beyond(x, CircleConstants<T>::largest)) return lane_by_lane(x, [](T value) { return T(__builtin_sin(value)); });
  return sin_from(0, x);
}
template <class T>
RECURRA_INLINE Pack<T> cos(Pack<T> x) {
  if (beyond(x, CircleConstants<T>::largest)) return lane_by_lane(x, [](T value) { return T(__builtin_cos(value)); });
  return sin_from(1, x);
}

#endif

}  // namespace RECURRA_ISA
}  // namespace recurra
