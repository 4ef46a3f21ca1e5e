// LSTM with forget gate:  c = sigmoid(a_f) c- + sigmoid(a_i) tanh(a_g);  h = sigmoid(a_o) tanh(c).
// With several parents it is the child-sum Tree-LSTM: c = sum_p sigmoid(a_f,p) c_p + ...
// S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997); F. Gers et al., Neural Computation 12 (2000);
// K. S. Tai et al., ACL 2015 (child-sum).
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct Lstm : CellBase {
  static constexpr const char* name = "LSTM";
  static constexpr const char* state_names = "h c";
  static constexpr const char* gate_names = "i f g o";
  enum State { h, c, num_states };
  enum Message { kept, num_messages };
  enum { i, f, g, o, num_gates };
  static constexpr int forget_gate = f;
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {Gate{Stage::node}.of(Function::logistic), Gate{Stage::edge}.of(Function::logistic),
                              Gate{Stage::node}.of(Function::tanh), Gate{Stage::out}.of(Function::logistic)};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N* a, const N*, const N* parent, N* m) { m[kept] = a[f] * parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) { s[c] = m[kept] + a[i] * a[g]; }
  template <class N>
  RECURRA_HD static void out(const N* a, const N*, N* s) { s[h] = a[o] * tanh(s[c]); }

  template <class N>
  RECURRA_HD static void edge_vjp(const N* a, const N*, const N* parent, const N* dm, N* da, N*, N* dparent) {
    da[f] = dm[kept] * parent[c];
    dparent[c] = dm[kept] * a[f];
  }
  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N*, const N* ds, N* da, N*, N* dm) {
    da[i] = ds[c] * a[g];
    da[g] = ds[c] * a[i];
    dm[kept] = ds[c];
  }
  template <class N>
  RECURRA_HD static void out_vjp(const N* a, const N*, const N* s, const N* dout, N* da, N*, N* ds) {
    N squashed = tanh(s[c]);
    da[o] = dout[h] * squashed;
    ds[c] = dout[c] + dout[h] * a[o] * (1 - squashed * squashed);
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
