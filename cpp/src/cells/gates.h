// From pre-activations to gates and back: what a gate declares beyond its products (Gate::function, peep, peephole).
// A function's slope follows from its value, so that the backward pass needs the gates alone.
// The functions on all gates of a stage recur over k, which so is a constant: arrays of gates stay in registers.
#pragma once

#include "../math/dual.h"
#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <Function f, class N>
RECURRA_INLINE N function_value(N a) {
  if constexpr (f == Function::logistic)
    return sigmoid(a);
  else if constexpr (f == Function::log_logistic)
    return -softplus(-a);
  else if constexpr (f == Function::tanh)
    return tanh(a);
  else if constexpr (f == Function::relu)
    return max(a, N(0));
  else if constexpr (f == Function::saturated)
    return min(max(a, N(0)), N(1));
  else
    return a;
}

// The slope where the function's value is y. At a kink it is that of the flat side: 0.
template <Function f, class N>
RECURRA_INLINE N function_slope(N y) {
  if constexpr (f == Function::logistic)
    return y * (N(1) - y);
  else if constexpr (f == Function::log_logistic)
    return -expm1(y);
  else if constexpr (f == Function::tanh)
    return N(1) - y * y;
  else if constexpr (f == Function::relu)
    return select(y > N(0), N(1), N(0));
  else if constexpr (f == Function::saturated)
    return select(y > N(0), select(y < N(1), N(1), N(0)), N(0));
  else
    return N(1);
}

template <class Cell, int k, class N>
RECURRA_INLINE N with_peep(N a, const N* u, const N* other) {
  constexpr Gate gate = Cell::gate(k);
  if constexpr (gate.peephole >= 0)
    return a + u[gate.peephole] * other[gate.peep];
  else if constexpr (gate.peep >= 0)
    return a + other[gate.peep];
  else
    return a;
}

// a: pre-activations -> gates. `other` is what the gates' stage reads: the parent's states, the messages or the new states.
template <class Cell, Stage stage, int k = 0, class N>
RECURRA_INLINE void activate(N* a, const N* u, const N* other) {
  if constexpr (k < Cell::num_gates) {
    if constexpr (Cell::gate(k).stage == stage) a[k] = function_value<Cell::gate(k).function>(with_peep<Cell, k>(a[k], u, other));
    activate<Cell, stage, k + 1>(a, u, other);
  }
}

// da: cotangents of the gates -> of their pre-activations; du and dother are added to.
template <class Cell, Stage stage, int k = 0, class N>
RECURRA_INLINE void activate_vjp(const N* a, const N* u, const N* other, N* da, N* du, N* dother) {
  if constexpr (k < Cell::num_gates) {
    constexpr Gate gate = Cell::gate(k);
    if constexpr (gate.stage == stage) {
      if constexpr (gate.function != Function::identity) da[k] = da[k] * function_slope<gate.function>(a[k]);
      if constexpr (gate.peephole >= 0) {
        dother[gate.peep] = dother[gate.peep] + da[k] * u[gate.peephole];
        du[gate.peephole] = du[gate.peephole] + da[k] * other[gate.peep];
      } else if constexpr (gate.peep >= 0) {
        dother[gate.peep] = dother[gate.peep] + da[k];
      }
    }
    activate_vjp<Cell, stage, k + 1>(a, u, other, da, du, dother);
  }
}

// Of dual numbers whose values are gates and whose derivatives are still those of the pre-activations without what they peep at.
template <class Cell, Stage stage, int k = 0, class N, int K>
RECURRA_INLINE void activate_tangents(Dual<N, K>* a, const Dual<N, K>* u, const Dual<N, K>* other) {
  if constexpr (k < Cell::num_gates) {
    if constexpr (Cell::gate(k).stage == stage)
      a[k] = Dual<N, K>::chain(a[k].value, with_peep<Cell, k>(a[k], u, other), function_slope<Cell::gate(k).function>(a[k].value));
    activate_tangents<Cell, stage, k + 1>(a, u, other);
  }
}

}  // namespace RECURRA_ISA
}  // namespace recurra
