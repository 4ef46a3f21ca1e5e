// LSTM with coupled input and forget gates, f = 1 - i:  c = (1 - sigmoid(a_i)) c- + sigmoid(a_i) tanh(a_g);
// h = sigmoid(a_o) tanh(c). With several parents c- is the sum of theirs. ONNX calls it input_forget.
// K. Greff et al., LSTM: a search space odyssey, IEEE TNNLS 28 (2017), variant CIFG.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct LstmCoupled : CellBase {
  static constexpr const char* name = "LSTM(coupled=true)";
  static constexpr const char* state_names = "h c";
  static constexpr const char* gate_names = "i:logistic g:tanh o:logistic";
  enum State { h, c, num_states };
  enum Message { past, num_messages };
  enum { i, g, o, num_gates };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {{Stage::node}, {Stage::node}, {Stage::out}};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    N in = sigmoid(a[i]);
    s[c] = m[past] + in * (tanh(a[g]) - m[past]);
  }
  template <class N>
  RECURRA_HD static void out(const N* a, const N*, N* s) { s[h] = sigmoid(a[o]) * tanh(s[c]); }

  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N* m, const N* ds, N* da, N*, N* dm) {
    N in = sigmoid(a[i]), candidate = tanh(a[g]);
    da[i] = ds[c] * (candidate - m[past]) * in * (1 - in);
    da[g] = ds[c] * in * (1 - candidate * candidate);
    dm[past] = ds[c] * (1 - in);
  }
  template <class N>
  RECURRA_HD static void out_vjp(const N* a, const N*, const N* s, const N* dout, N* da, N*, N* ds) {
    N open = sigmoid(a[o]), squashed = tanh(s[c]);
    da[o] = dout[h] * squashed * open * (1 - open);
    ds[c] = dout[c] + dout[h] * open * (1 - squashed * squashed);
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
