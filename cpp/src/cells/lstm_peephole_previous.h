// LSTM with peepholes in the textbook form, where all three gates see the memory of the step before:
//   [f, i, o] = sigmoid(a + p c-);  c = f c- + i tanh(a_g);  h = o tanh(c).
// The form of textbooks that write every gate as a function of (x_t, h_{t-1}, c_{t-1}), after F. A. Gers, J. Schmidhuber,
// Recurrent nets that time and count, IJCNN 2000.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct LstmPeepholePrevious : CellBase {
  static constexpr const char* name = "LSTM(peephole=previous)";
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
                              Gate{Stage::node}.of(Function::tanh), Gate{Stage::node}.of(Function::logistic).plus(past, po)};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    N memory = a[f] * m[past] + a[i] * a[g];
    s[c] = memory;
    s[h] = a[o] * tanh(memory);
  }

  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N* m, const N* ds, N* da, N*, N* dm) {
    N squashed = tanh(a[f] * m[past] + a[i] * a[g]), dmemory = ds[c] + ds[h] * a[o] * (1 - squashed * squashed);
    da[o] = ds[h] * squashed;
    da[f] = dmemory * m[past];
    da[i] = dmemory * a[g];
    da[g] = dmemory * a[i];
    dm[past] = dmemory * a[f];
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
