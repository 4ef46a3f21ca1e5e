// Dual<N, K>: a value of number type N with K partial derivatives. Run a cell on it and the exact local Jacobian falls out.
#pragma once

#include <utility>

#include "functions.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class N, int K>
struct Dual {
  N value;
  N d[K];

  Dual() = default;
  template <class S, class = std::enable_if_t<std::is_arithmetic_v<S> || std::is_same_v<S, N>>>
  RECURRA_INLINE Dual(S scalar) : value(scalar) {
    for (int k = 0; k < K; ++k) d[k] = N(0);
  }
  // The k-th independent variable.
  static RECURRA_INLINE Dual variable(N value, int k) {
    Dual result(value);
    result.d[k] = N(1);
    return result;
  }

  friend RECURRA_INLINE Dual operator+(const Dual& a, const Dual& b) { return linear(a.value + b.value, a, N(1), b, N(1)); }
  friend RECURRA_INLINE Dual operator-(const Dual& a, const Dual& b) { return linear(a.value - b.value, a, N(1), b, N(-1)); }
  friend RECURRA_INLINE Dual operator*(const Dual& a, const Dual& b) { return linear(a.value * b.value, a, b.value, b, a.value); }
  friend RECURRA_INLINE Dual operator/(const Dual& a, const Dual& b) {
    const N quotient = a.value / b.value;
    return linear(quotient, a, N(1) / b.value, b, -quotient / b.value);
  }
  friend RECURRA_INLINE Dual operator-(const Dual& a) { return chain(-a.value, a, N(-1)); }
  friend RECURRA_INLINE auto operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  friend RECURRA_INLINE auto operator>(const Dual& a, const Dual& b) { return a.value > b.value; }

  template <class Mask>
  friend RECURRA_INLINE Dual select(Mask mask, const Dual& a, const Dual& b) {
    Dual result;
    result.value = select(mask, a.value, b.value);
    for (int k = 0; k < K; ++k) result.d[k] = select(mask, a.d[k], b.d[k]);
    return result;
  }

  // value with the derivative of f(a), f' = slope
  static RECURRA_INLINE Dual chain(N value, const Dual& a, N slope) {
    Dual result;
    result.value = value;
    for (int k = 0; k < K; ++k) result.d[k] = slope * a.d[k];
    return result;
  }
  static RECURRA_INLINE Dual linear(N value, const Dual& a, N da, const Dual& b, N db) {
    Dual result;
    result.value = value;
    for (int k = 0; k < K; ++k) result.d[k] = da * a.d[k] + db * b.d[k];
    return result;
  }
};

template <class N, int K>
RECURRA_INLINE Dual<N, K> exp(const Dual<N, K>& a) {
  const N e = exp(a.value);
  return Dual<N, K>::chain(e, a, e);
}
template <class N, int K>
RECURRA_INLINE Dual<N, K> tanh(const Dual<N, K>& a) {
  const N t = tanh(a.value);
  return Dual<N, K>::chain(t, a, N(1) - t * t);
}
template <class N, int K>
RECURRA_INLINE Dual<N, K> sigmoid(const Dual<N, K>& a) {
  const N s = sigmoid(a.value);
  return Dual<N, K>::chain(s, a, s * (N(1) - s));
}
template <class N, int K>
RECURRA_INLINE Dual<N, K> softplus(const Dual<N, K>& a) {
  return Dual<N, K>::chain(softplus(a.value), a, sigmoid(a.value));
}
template <class N, int K>
RECURRA_INLINE Dual<N, K> sqrt(const Dual<N, K>& a) {
  const N root = sqrt(a.value);
  return Dual<N, K>::chain(root, a, N(0.5) / root);
}
template <class N, int K>
RECURRA_INLINE Dual<N, K> sin(const Dual<N, K>& a) {
  return Dual<N, K>::chain(sin(a.value), a, cos(a.value));
}
template <class N, int K>
RECURRA_INLINE Dual<N, K> cos(const Dual<N, K>& a) {
  return Dual<N, K>::chain(cos(a.value), a, -sin(a.value));
}

}  // namespace RECURRA_ISA
}  // namespace recurra
