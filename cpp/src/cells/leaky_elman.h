// Elman's network with leaky units (a first-order lag, constant `leak`):  h = (1 - leak) h- + leak phi(W x + R h- + b).
// H. Jaeger et al., Neural Networks 20 (2007), eq. 2 with the gain 1; the rate form of continuous-time networks, leak = dt / tau.
#pragma once

#include "activation.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Activation>
struct LeakyElman : CellBase {
  static constexpr CellName full_name = CellName("LeakyElman(activation=") + Activation::name + ")";
  static constexpr const char* name = full_name.text;
  static constexpr int num_params = 1, num_constants = 1;
  static constexpr const char* state_names = "h";
  static constexpr const char* param_names = "leak";
  static constexpr const char* gate_names = "n";
  enum State { h, num_states };
  enum Message { past, num_messages };
  enum { n, num_gates };
  enum { leak };
  RECURRA_HD static constexpr Gate gate(int) { return Gate{Stage::node}.of(Activation::function); }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[h]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N* u, const N* m, N* s) {
    s[h] = (1 - u[leak]) * m[past] + u[leak] * a[n];
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
