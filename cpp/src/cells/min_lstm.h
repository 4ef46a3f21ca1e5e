// minLSTM: gates that see the input alone and share one unit of weight.
//   f = sigmoid(a_f);  i = sigmoid(a_i);  h = (f h- + i a_n) / (f + i),  a = W x + b.
// The share f / (f + i) is sigmoid(log f - log i), which is finite, and has a gradient, where both gates are shut.
// L. Feng et al., Were RNNs all we needed?, 2024, section 3.2, and appendix B (in logarithms).
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct MinLstm : CellBase {
  static constexpr const char* name = "MinLSTM";
  static constexpr int feeds = 0;
  static constexpr const char* state_names = "h";
  static constexpr const char* gate_names = "log_f log_i n";
  enum State { h, num_states };
  enum Message { past, num_messages };
  enum { f, i, n, num_gates };
  static constexpr int forget_gate = f;
  RECURRA_HD static constexpr Gate gate(int k) {
    return Gate{Stage::node, true, From::none}.of(k == n ? Function::identity : Function::log_logistic);
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[h]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    N keep = sigmoid(a[f] - a[i]);
    s[h] = keep * m[past] + (1 - keep) * a[n];
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
