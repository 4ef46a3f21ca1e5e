// Simple recurrent unit: a diagonal recurrence and a highway past it.
//   f = sigmoid(a_f + v_f c-);  c = f c- + (1 - f) a_n;  r = sigmoid(a_r + v_r c-);  h = r c + (1 - r) a_s,
// where a_n = W x and a_s = S x have no bias. The paper's S is the identity; a matrix serves where the sizes differ.
// T. Lei et al., Simple recurrent units for highly parallelizable recurrence, EMNLP 2018, eqs. 1 to 4.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct Sru : CellBase {
  static constexpr const char* name = "SRU";
  static constexpr int num_params = 2, feeds = 0, max_parents = 1;
  static constexpr const char* state_names = "h c";
  static constexpr const char* param_names = "v_f v_r";
  static constexpr const char* gate_names = "n f r s";
  enum State { h, c, num_states };
  enum Message { past, num_messages };
  enum { n, f, r, s, num_gates };
  enum { vf, vr };
  static constexpr int forget_gate = f;
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate linear{Stage::node, true, From::none, 0, false}, biased{Stage::node, true, From::none};
    constexpr Gate gates[] = {linear, biased.of(Function::logistic).plus(past, vf), biased.of(Function::logistic).plus(past, vr), linear};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[c]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* state) {
    N memory = a[n] + a[f] * (m[past] - a[n]);
    state[c] = memory;
    state[h] = a[s] + a[r] * (memory - a[s]);
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
