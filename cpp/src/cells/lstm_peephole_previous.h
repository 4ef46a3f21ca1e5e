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
  static constexpr const char* gate_names = "a_i a_f g:tanh a_o";
  enum State { h, c, num_states };
  enum Message { past, num_messages };
  enum { i, f, g, o, num_gates };
  enum { pi, pf, po };
  static constexpr int forget_gate = f;
  RECURRA_HD static constexpr Gate gate(int) { return {Stage::node}; }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N* u, const N* m, N* s) {
    N memory = sigmoid(a[f] + u[pf] * m[past]) * m[past] + sigmoid(a[i] + u[pi] * m[past]) * tanh(a[g]);
    s[c] = memory;
    s[h] = sigmoid(a[o] + u[po] * m[past]) * tanh(memory);
  }

  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N* u, const N* m, const N* ds, N* da, N* du, N* dm) {
    N forget = sigmoid(a[f] + u[pf] * m[past]), in = sigmoid(a[i] + u[pi] * m[past]), candidate = tanh(a[g]);
    N open = sigmoid(a[o] + u[po] * m[past]), squashed = tanh(forget * m[past] + in * candidate);
    N dmemory = ds[c] + ds[h] * open * (1 - squashed * squashed);
    da[o] = ds[h] * squashed * open * (1 - open);
    da[f] = dmemory * m[past] * forget * (1 - forget);
    da[i] = dmemory * candidate * in * (1 - in);
    da[g] = dmemory * in * (1 - candidate * candidate);
    du[pi] = da[i] * m[past];
    du[pf] = da[f] * m[past];
    du[po] = da[o] * m[past];
    dm[past] = dmemory * forget + da[f] * u[pf] + da[i] * u[pi] + da[o] * u[po];
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
