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
  static constexpr const char* gate_names = "a_i a_f g:tanh a_o";
  enum State { h, c, num_states };
  enum Message { past, num_messages };
  enum { i, f, g, o, num_gates };
  enum { pi, pf, po };
  static constexpr int forget_gate = f;
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {{Stage::node}, {Stage::node}, {Stage::node}, {Stage::out}};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N* u, const N* m, N* s) {
    s[c] = sigmoid(a[f] + u[pf] * m[past]) * m[past] + sigmoid(a[i] + u[pi] * m[past]) * tanh(a[g]);
  }
  template <class N>
  RECURRA_HD static void out(const N* a, const N* u, N* s) { s[h] = sigmoid(a[o] + u[po] * s[c]) * tanh(s[c]); }

  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N* u, const N* m, const N* ds, N* da, N* du, N* dm) {
    N forget = sigmoid(a[f] + u[pf] * m[past]), in = sigmoid(a[i] + u[pi] * m[past]), candidate = tanh(a[g]);
    da[f] = ds[c] * m[past] * forget * (1 - forget);
    da[i] = ds[c] * candidate * in * (1 - in);
    da[g] = ds[c] * in * (1 - candidate * candidate);
    du[pf] = da[f] * m[past];
    du[pi] = da[i] * m[past];
    dm[past] = ds[c] * forget + da[f] * u[pf] + da[i] * u[pi];
  }
  template <class N>
  RECURRA_HD static void out_vjp(const N* a, const N* u, const N* s, const N* dout, N* da, N* du, N* ds) {
    N open = sigmoid(a[o] + u[po] * s[c]), squashed = tanh(s[c]);
    da[o] = dout[h] * squashed * open * (1 - open);
    du[po] = da[o] * s[c];
    ds[c] = dout[c] + dout[h] * open * (1 - squashed * squashed) + da[o] * u[po];
  }
};

struct LstmCoupledPeephole : CellBase {
  static constexpr const char* name = "LSTM(coupled=true, peephole=current)";
  static constexpr int num_params = 2, max_parents = 1;
  static constexpr const char* state_names = "h c";
  static constexpr const char* param_names = "peephole_i peephole_o";
  static constexpr const char* gate_names = "a_i g:tanh a_o";
  enum State { h, c, num_states };
  enum Message { past, num_messages };
  enum { i, g, o, num_gates };
  enum { pi, po };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {{Stage::node}, {Stage::node}, {Stage::out}};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N* u, const N* m, N* s) {
    s[c] = m[past] + sigmoid(a[i] + u[pi] * m[past]) * (tanh(a[g]) - m[past]);
  }
  template <class N>
  RECURRA_HD static void out(const N* a, const N* u, N* s) { s[h] = sigmoid(a[o] + u[po] * s[c]) * tanh(s[c]); }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
