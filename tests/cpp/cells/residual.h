// A residual cell: h = sum of the parents' h + tanh(a).
#pragma once

#include <recurra/cell.h>

namespace recurra::inline RECURRA_ISA {

struct Residual : CellBase {
  static constexpr const char* name = "TestResidual";
  enum State { h, num_states };
  enum Message { past, num_messages };
  enum { n, num_gates };
  RECURRA_HD static constexpr Gate gate(int) { return {Stage::node}; }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[h]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) { s[h] = m[past] + tanh(a[n]); }
};

}  // namespace recurra::inline RECURRA_ISA
