// GRU, reset before the product (the textbook's and ONNX's first form): the candidate's R multiplies the message r h-.
//   r = sigmoid(a_r);  z = sigmoid(a_z);  n = tanh(W_n x + R_n (r h-) + b_n);  h = z h- + (1 - z) n.
// K. Cho et al., EMNLP 2014. With several parents each one has its own r, and the messages are summed.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct GruBefore : CellBase {
  static constexpr const char* name = "GRU(reset=before)";
  static constexpr const char* state_names = "h";
  static constexpr const char* gate_names = "r z n";
  enum State { h, num_states };
  enum Message { past, reset, num_messages };
  enum { r, z, n, num_gates };
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {Gate{Stage::edge}.of(Function::logistic), Gate{Stage::node}.of(Function::logistic),
                              Gate{Stage::node, true, From::message, reset}.of(Function::tanh)};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N* a, const N*, const N* parent, N* m) {
    m[past] = parent[h];
    m[reset] = a[r] * parent[h];
  }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    s[h] = a[n] + a[z] * (m[past] - a[n]);
  }

  template <class N>
  RECURRA_HD static void edge_vjp(const N* a, const N*, const N* parent, const N* dm, N* da, N*, N* dparent) {
    da[r] = dm[reset] * parent[h];
    dparent[h] = dm[past] + dm[reset] * a[r];
  }
  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N* m, const N* ds, N* da, N*, N* dm) {
    da[z] = ds[h] * (m[past] - a[n]);
    da[n] = ds[h] * (1 - a[z]);
    dm[past] = ds[h] * a[z];
    dm[reset] = N(0);
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
