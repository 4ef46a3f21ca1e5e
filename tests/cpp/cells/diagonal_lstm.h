// After eLSTM (Irie et al. 2023): a diagonal recurrence, and an output gate that multiplies the new memory by a matrix.
#pragma once

#include <recurra/cell.h>

namespace recurra::inline RECURRA_ISA {

struct DiagonalLstm : CellBase {
  static constexpr const char* name = "TestDiagonalLstm";
  static constexpr int num_params = 2, feeds = 0;
  enum State { h, c, num_states };
  enum Message { kept, num_messages };
  enum { f, z, o, num_gates };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {{Stage::edge, true, From::none}, {Stage::edge, true, From::none}, {Stage::out, true, From::state, c}};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N* a, const N* u, const N* parent, N* m) {
    N forget = sigmoid(a[f] + u[0] * parent[c]);
    m[kept] = forget * parent[c] + (1 - forget) * tanh(a[z] + u[1] * parent[c]);
  }
  template <class N>
  RECURRA_HD static void node(const N*, const N*, const N* m, N* s) { s[c] = m[kept]; }
  template <class N>
  RECURRA_HD static void out(const N* a, const N*, N* s) { s[h] = sigmoid(a[o]) * s[c]; }
};

}  // namespace recurra::inline RECURRA_ISA
