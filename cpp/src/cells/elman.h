// Elman's simple recurrent network:  h = phi(W x + R h- + b),  phi one of tanh, relu, logistic, saturated.
// The fully recurrent network is the same recursion; there only some of the units are outputs (an option of the layer).
// J. L. Elman, Finding structure in time, Cognitive Science 14 (1990);
// R. J. Williams, D. Zipser, Neural Computation 1 (1989).
#pragma once

#include "activation.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Activation>
struct Elman : CellBase {
  static constexpr CellName full_name = CellName("Elman(activation=") + Activation::name + ")";
  static constexpr const char* name = full_name.text;
  static constexpr const char* state_names = "h";
  static constexpr const char* gate_names = "n";
  enum State { h, num_states };
  enum Message { num_messages };
  enum { n, num_gates };
  RECURRA_HD static constexpr Gate gate(int) { return Gate{Stage::node}.of(Activation::function); }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N*, N* s) { s[h] = a[n]; }
  template <class N>
  RECURRA_HD static void node_vjp(const N*, const N*, const N*, const N* ds, N* da, N*, N*) { da[n] = ds[h]; }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
