// IndRNN, independent units:  h = phi(W x + u h- + b).
// S. Li et al., CVPR 2018, eq. 2. u is drawn from [0, 1): a unit remembers for a while, and none explodes at first.
#pragma once

#include "activation.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Activation>
struct IndRnn : CellBase {
  static constexpr CellName full_name = CellName("IndRNN(activation=") + Activation::name + ")";
  static constexpr const char* name = full_name.text;
  static constexpr int num_params = 1, feeds = 0;
  static constexpr const char* state_names = "h";
  static constexpr const char* param_names = "u";
  static constexpr const char* gate_names = "n";
  enum State { h, num_states };
  enum Message { past, num_messages };
  enum { n, num_gates };
  enum { recurrent };
  RECURRA_HD static constexpr Gate gate(int) { return Gate{Stage::node, true, From::none}.of(Activation::function).plus(past, recurrent); }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[h]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N*, N* s) { s[h] = a[n]; }
  static void initial(const double* uniform, double* u) { u[recurrent] = uniform[recurrent]; }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
