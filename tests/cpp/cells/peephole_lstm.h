// LSTM with peepholes, the output gate's from the new memory: per-unit parameters.
#pragma once

#include <recurra/cell.h>

namespace recurra::inline RECURRA_ISA {

struct PeepholeLstm : CellBase {
  static constexpr const char* name = "TestPeepholeLstm";
  static constexpr int num_params = 3, max_parents = 1;  // one input gate cannot peep at several memories
  static constexpr const char* param_names = "peephole_i peephole_f peephole_o";
  enum State { h, c, num_states };
  enum Message { past, kept, num_messages };
  enum { i, f, g, o, num_gates };
  enum { pi, pf, po };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {{Stage::node}, {Stage::edge}, {Stage::node}, {Stage::out}};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N* a, const N* u, const N* parent, N* m) {
    m[past] = parent[c];
    m[kept] = sigmoid(a[f] + u[pf] * parent[c]) * parent[c];
  }
  template <class N>
  RECURRA_HD static void node(const N* a, const N* u, const N* m, N* s) {
    s[c] = m[kept] + sigmoid(a[i] + u[pi] * m[past]) * tanh(a[g]);
  }
  template <class N>
  RECURRA_HD static void out(const N* a, const N* u, N* s) { s[h] = sigmoid(a[o] + u[po] * s[c]) * tanh(s[c]); }
};

}  // namespace recurra::inline RECURRA_ISA
