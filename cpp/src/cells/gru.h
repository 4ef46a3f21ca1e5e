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
  static constexpr const char* gate_names = "r:logistic z:logistic n q";
  enum State { h, num_states };
  enum Message { past, reset, num_messages };
  enum { r, z, n, q, num_gates };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {{Stage::edge}, {Stage::node}, {Stage::node, true, From::none}, {Stage::edge, false}};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N* a, const N*, const N* parent, N* m) {
    m[past] = parent[h];
    m[reset] = sigmoid(a[r]) * a[q];
  }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    N keep = sigmoid(a[z]);
    s[h] = keep * m[past] + (1 - keep) * tanh(a[n] + m[reset]);
  }

  template <class N>
  RECURRA_HD static void edge_vjp(const N* a, const N*, const N*, const N* dm, N* da, N*, N* dparent) {
    N gate = sigmoid(a[r]);
    dparent[h] = dm[past];
    da[r] = dm[reset] * a[q] * gate * (1 - gate);
    da[q] = dm[reset] * gate;
  }
  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N* m, const N* ds, N* da, N*, N* dm) {
    N keep = sigmoid(a[z]), candidate = tanh(a[n] + m[reset]);
    da[z] = ds[h] * (m[past] - candidate) * keep * (1 - keep);
    da[n] = ds[h] * (1 - keep) * (1 - candidate * candidate);
    dm[past] = ds[h] * keep;
    dm[reset] = da[n];
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
