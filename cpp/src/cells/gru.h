// GRU, reset after the product (cuDNN's and PyTorch's form; its candidate has two biases that cannot be summed):
//   r = sigmoid(a_r);  z = sigmoid(a_z);  n = tanh(a_n + r a_q);  h = z h- + (1 - z) n,  with a_q = R_q h- + b_q.
// K. Cho et al., EMNLP 2014. With several parents each one has its own r and q, and the messages are summed.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct Gru : CellBase {
  static constexpr const char* name = "GRU(reset=after)";
  static constexpr const char* state_names = "h";
  static constexpr const char* gate_names = "r z n q";
  enum State { h, num_states };
  enum Message { past, reset, num_messages };
  enum { r, z, n, q, num_gates };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {Gate{Stage::edge}.of(Function::logistic), Gate{Stage::node}.of(Function::logistic),
                              Gate{Stage::node, true, From::none}.of(Function::tanh).plus(reset), Gate{Stage::edge, false}};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N* a, const N*, const N* parent, N* m) {
    m[past] = parent[h];
    m[reset] = a[r] * a[q];
  }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    s[h] = a[n] + a[z] * (m[past] - a[n]);
  }

  template <class N>
  RECURRA_HD static void edge_vjp(const N* a, const N*, const N*, const N* dm, N* da, N*, N* dparent) {
    dparent[h] = dm[past];
    da[r] = dm[reset] * a[q];
    da[q] = dm[reset] * a[r];
  }
  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N* m, const N* ds, N* da, N*, N* dm) {
    da[z] = ds[h] * (m[past] - a[n]);
    da[n] = ds[h] * (1 - a[z]);
    dm[past] = ds[h] * a[z];
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
