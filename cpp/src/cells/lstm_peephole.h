// LSTM with peepholes p from the memory to the gates, where the output gate sees the new memory (Gers; ONNX):
//   f = sigmoid(a_f + p_f c-);  i = sigmoid(a_i + p_i c-);  c = f c- + i tanh(a_g);  h = sigmoid(a_o + p_o c) tanh(c),
// and with coupled gates, f = 1 - i.
// F. A. Gers, N. N. Schraudolph, J. Schmidhuber, JMLR 3 (2002).
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct LstmPeephole : CellBase {
  static constexpr const char* name = "LSTM(peephole=current)";
  static constexpr int num_params = 3, max_parents = 1;  // one input gate cannot peep at several memories
  static constexpr const char* state_names = "h c";
  static constexpr const char* param_names = "peephole_i peephole_f peephole_o";
  static constexpr const char* gate_names = "i f g o";
  enum State { h, c, num_states };
  enum Message { past, num_messages };
  enum { i, f, g, o, num_gates };
  enum { pi, pf, po };
  static constexpr int forget_gate = f;
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {Gate{Stage::node}.of(Function::logistic).plus(past, pi), Gate{Stage::node}.of(Function::logistic).plus(past, pf),
                              Gate{Stage::node}.of(Function::tanh), Gate{Stage::out}.of(Function::logistic).plus(c, po)};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) { s[c] = a[f] * m[past] + a[i] * a[g]; }
  template <class N>
  RECURRA_HD static void out(const N* a, const N*, N* s) { s[h] = a[o] * tanh(s[c]); }

  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N* m, const N* ds, N* da, N*, N* dm) {
    da[f] = ds[c] * m[past];
    da[i] = ds[c] * a[g];
    da[g] = ds[c] * a[i];
    dm[past] = ds[c] * a[f];
  }
  template <class N>
  RECURRA_HD static void out_vjp(const N* a, const N*, const N* s, const N* dout, N* da, N*, N* ds) {
    N squashed = tanh(s[c]);
    da[o] = dout[h] * squashed;
    ds[c] = dout[c] + dout[h] * a[o] * (1 - squashed * squashed);
  }
};

struct LstmCoupledPeephole : CellBase {
  static constexpr const char* name = "LSTM(coupled=true, peephole=current)";
  static constexpr int num_params = 2, max_parents = 1;
  static constexpr const char* state_names = "h c";
  static constexpr const char* param_names = "peephole_i peephole_o";
  static constexpr const char* gate_names = "i g o";
  enum State { h, c, num_states };
  enum Message { past, num_messages };
  enum { i, g, o, num_gates };
  enum { pi, po };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {Gate{Stage::node}.of(Function::logistic).plus(past, pi), Gate{Stage::node}.of(Function::tanh),
                              Gate{Stage::out}.of(Function::logistic).plus(c, po)};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) { s[c] = m[past] + a[i] * (a[g] - m[past]); }
  template <class N>
  RECURRA_HD static void out(const N* a, const N*, N* s) { s[h] = a[o] * tanh(s[c]); }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
