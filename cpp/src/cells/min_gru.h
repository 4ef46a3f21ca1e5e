// minGRU: gates that see the input alone.  z = sigmoid(a_z);  h = (1 - z) h- + z a_n,  a = W x + b.
// L. Feng et al., Were RNNs all we needed?, 2024, section 3.1.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct MinGru : CellBase {
  static constexpr const char* name = "MinGRU";
  static constexpr int feeds = 0;
  static constexpr const char* state_names = "h";
  static constexpr const char* gate_names = "z n";
  enum State { h, num_states };
  enum Message { past, num_messages };
  enum { z, n, num_gates };
  RECURRA_HD static constexpr Gate gate(int k) {
    return Gate{Stage::node, true, From::none}.of(k == z ? Function::logistic : Function::identity);
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) { m[past] = parent[h]; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) { s[h] = m[past] + a[z] * (a[n] - m[past]); }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
