// LSTM without forget gate, with today's squashing:  c = c- + sigmoid(a_i) tanh(a_g);  h = sigmoid(a_o) tanh(c).
// The idea: S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997), whose block lstm_1997.h has to the letter.
// This form: K. Greff et al., IEEE TNNLS 28 (2017), NFG, here without peepholes.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct LstmNoForget : CellBase {
  static constexpr const char* name = "LSTM(forget_gate=false)";
  static constexpr const char* state_names = "h c";
  static constexpr const char* gate_names = "i g o";
  enum State { h, c, num_states };
  enum Message { past, num_messages };
  enum { i, g, o, num_gates };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {Gate{Stage::node}.of(Function::logistic), Gate{Stage::node}.of(Function::tanh),
                              Gate{Stage::out}.of(Function::logistic)};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) { s[c] = m[past] + a[i] * a[g]; }
  template <class N>
  RECURRA_HD static void out(const N* a, const N*, N* s) { s[h] = a[o] * tanh(s[c]); }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
