// A leaky integrator with its own rate per unit:  h = (1 - k) h- + k tanh(a),  k = sigmoid(u).
#pragma once

#include <recurra/cell.h>

namespace recurra::inline RECURRA_ISA {

struct LeakyTanh : CellBase {
  static constexpr const char* name = "LeakyTanh";
  static constexpr const char* param_names = "rate";
  static constexpr int num_params = 1;
  enum State { h, num_states };
  enum Message { past, num_messages };
  enum { n, num_gates };
  RECURRA_HD static constexpr Gate gate(int) { return {Stage::node}; }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[h]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N* u, const N* m, N* s) {
    N k = sigmoid(u[0]);
    s[h] = (1 - k) * m[past] + k * tanh(a[n]);
  }
};

}  // namespace recurra::inline RECURRA_ISA
