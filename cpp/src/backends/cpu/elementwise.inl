// Activations of whole rows; value and slope are the ones Elman's cell uses.
#pragma once

#include "../../cells/activation.h"
#include "cell_forward.inl"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Activation, class T>
void elementwise_value(const T* x, Index count, T* y) {
  for_each_register<T>(count, [&](Index j, const auto& lanes) { lanes.store(y + j, Activation::value(lanes.load(x + j))); });
}

template <class Activation, class T>
void elementwise_vjp(const T* x, const T* dy, Index count, T* dx) {
  for_each_register<T>(count, [&](Index j, const auto& lanes) {
    lanes.store(dx + j, lanes.load(dx + j) + lanes.load(dy + j) * Activation::slope(lanes.load(x + j)));
  });
}

template <class Activation, class T>
Elementwise<T> elementwise() {
  return {elementwise_value<Activation, T>, elementwise_vjp<Activation, T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
