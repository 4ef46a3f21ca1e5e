// sLSTM: an exponential input gate, with a normaliser n and a stabiliser m that keeps every exponent at or below zero.
//   m = max(log f + m-, a_i);  i' = exp(a_i - m);  f' = exp(log f + m- - m),  log f = log sigmoid(a_f);
//   c = f' c- + i' tanh(a_z);  n = f' n- + i';  h = sigmoid(a_o) c / n.
// A normaliser n- of zero means that there is no past: then m = a_i, and n is never below 1 (as in the authors' own code).
// M. Beck et al., xLSTM, NeurIPS 2024, eqs. 8 to 17. Its block-diagonal R is the option `heads` of the layer.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct SLstm : CellBase {
  static constexpr const char* name = "SLSTM";
  static constexpr int max_parents = 1;  // a running maximum has one past
  static constexpr const char* state_names = "h c n m";
  static constexpr const char* gate_names = "i log_f z o";
  enum State { h, c, n, m, num_states };
  static constexpr unsigned bound_states = 1u << c | 1u << n | 1u << m;
  enum Message { past_c, past_n, past_m, num_messages };
  enum { i, f, z, o, num_gates };
  static constexpr int forget_gate = f;
  RECURRA_HD static constexpr Gate gate(int k) {
    constexpr Gate gates[] = {Gate{Stage::node}, Gate{Stage::node}.of(Function::log_logistic),
                              Gate{Stage::node}.of(Function::tanh), Gate{Stage::node}.of(Function::logistic)};
    return gates[k];
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* message) {
    message[past_c] = parent[c];
    message[past_n] = parent[n];
    message[past_m] = parent[m];
  }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* past, N* s) {
    N kept = past[past_m] + a[f];  // log f + m-
    N largest = select(past[past_n] > N(0), max(kept, a[i]), a[i]);
    N in = exp(a[i] - largest), keep = exp(kept - largest);
    N memory = keep * past[past_c] + in * a[z], normaliser = keep * past[past_n] + in;
    s[c] = memory;
    s[n] = normaliser;
    s[m] = largest;
    s[h] = a[o] * memory / normaliser;
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
