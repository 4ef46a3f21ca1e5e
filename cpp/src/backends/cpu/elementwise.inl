// Activations of whole rows; the functions are those of gates.
#pragma once

#include "../../cells/activation.h"
#include "cell_forward.inl"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Activation, class T>
void elementwise_value(const T* x, Index count, T* y) {
  for_each_register<T>(
      count, [&](Index j, const auto& lanes) { lanes.store(y + j, function_value<Activation::function>(lanes.load(x + j))); });
}

template <class Activation, class T>
void elementwise_vjp(const T* x, const T* dy, Index count, T* dx) {
  for_each_register<T>(count, [&](Index j, const auto& lanes) {
    const Pack<T> y = function_value<Activation::function>(lanes.load(x + j));
    lanes.store(dx + j, lanes.load(dx + j) + lanes.load(dy + j) * function_slope<Activation::function>(y));
  });
}

template <class Activation, class T>
Elementwise<T> elementwise() {
  return {elementwise_value<Activation, T>, elementwise_vjp<Activation, T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
