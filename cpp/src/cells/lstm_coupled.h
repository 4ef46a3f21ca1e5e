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
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    s[c] = m[past] + a[i] * (a[g] - m[past]);
  }
  template <class N>
  RECURRA_HD static void out(const N* a, const N*, N* s) { s[h] = a[o] * tanh(s[c]); }

  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N* m, const N* ds, N* da, N*, N* dm) {
    da[i] = ds[c] * (a[g] - m[past]);
    da[g] = ds[c] * a[i];
    dm[past] = ds[c] * (1 - a[i]);
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
