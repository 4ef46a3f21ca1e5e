// The residual recurrent network:  h = h- + phi(W x + R h- + b),  and its linear form  h = h- + phi(W x + b), whose Jacobian
// dh / dh- is the identity: its gradient neither vanishes nor explodes.
// K. He et al., CVPR 2016 (the residual form), along time instead of depth.
#pragma once

#include "activation.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Activation, From source>
struct ResidualRnn : CellBase {
  static constexpr CellName full_name =
      CellName("ResidualRNN(activation=") + Activation::name + ", recurrent=" + (source == From::feed ? "true" : "false") + ")";
  static constexpr const char* name = full_name.text;
  static constexpr const char* state_names = "h";
  static constexpr const char* gate_names = "n";
  enum State { h, num_states };
  enum Message { past, num_messages };
  enum { n, num_gates };
  RECURRA_HD static constexpr Gate gate(int) { return Gate{Stage::node, true, source}.of(Activation::function); }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[h]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) { s[h] = m[past] + a[n]; }
};
template <class Activation>
using ResidualRecurrent = ResidualRnn<Activation, From::feed>;
template <class Activation>
using ResidualLinear = ResidualRnn<Activation, From::none>;

}  // namespace RECURRA_ISA
}  // namespace recurra
