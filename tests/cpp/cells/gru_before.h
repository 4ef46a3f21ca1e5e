// GRU with the reset before the product: a product of a message.
#pragma once

#include <recurra/cell.h>

namespace recurra::inline RECURRA_ISA {

struct GruBefore : CellBase {
  static constexpr const char* name = "TestGruBefore";
  enum State { h, num_states };
  enum Message { past, reset, num_messages };
  enum { r, z, n, num_gates };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {{Stage::edge}, {Stage::node}, {Stage::node, true, From::message, reset}};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N* a, const N*, const N* parent, N* m) {
    m[past] = parent[h];
    m[reset] = sigmoid(a[r]) * parent[h];
  }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    N keep = sigmoid(a[z]);
    s[h] = keep * m[past] + (1 - keep) * tanh(a[n]);
  }
};

}  // namespace recurra::inline RECURRA_ISA
