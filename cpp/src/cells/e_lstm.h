// eLSTM: an LSTM whose recurrence is element-wise, with a full output gate as readout of the new memory.
//   f = sigmoid(a_f + w_f c-);  c = f c- + (1 - f) tanh(a_z + w_z c-);  h = sigmoid(W_o x + R_o c + b_o) c.
// K. Irie, A. Gopalakrishnan, J. Schmidhuber, Exploring the promise and limits of real-time recurrent learning, ICLR 2024.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct ELstm : CellBase {
  static constexpr const char* name = "ELSTM";
  static constexpr int num_params = 2, feeds = 0;
  static constexpr const char* state_names = "h c";
  static constexpr const char* param_names = "w_f w_z";
  static constexpr const char* gate_names = "f z o";
  enum State { h, c, num_states };
  enum Message { kept, num_messages };
  enum { f, z, o, num_gates };
  enum { wf, wz };
  static constexpr int forget_gate = f;
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate input{Stage::edge, true, From::none}, output{Stage::out, true, From::state, c};
    constexpr Gate gates[] = {input.of(Function::logistic).plus(c, wf), input.of(Function::tanh).plus(c, wz),
                              output.of(Function::logistic)};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N* a, const N*, const N* parent, N* m) {
    m[kept] = a[z] + a[f] * (parent[c] - a[z]);
  }
  template <class N>
  RECURRA_HD static void node(const N*, const N*, const N* m, N* s) { s[c] = m[kept]; }
  template <class N>
  RECURRA_HD static void out(const N* a, const N*, N* s) { s[h] = a[o] * s[c]; }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
