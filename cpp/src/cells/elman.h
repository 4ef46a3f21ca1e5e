// Elman's simple recurrent network:  h = phi(W x + R h- + b),  phi one of tanh, relu, logistic.
// J. L. Elman, Finding structure in time, Cognitive Science 14 (1990).
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct Tanh {
  static constexpr const char* cell_name = "Elman(activation=tanh)";
  template <class N>
  RECURRA_HD static N value(N a) { return tanh(a); }
  template <class N>
  RECURRA_HD static N slope(N a) {
    N t = tanh(a);
    return 1 - t * t;
  }
};

struct Relu {
  static constexpr const char* cell_name = "Elman(activation=relu)";
  template <class N>
  RECURRA_HD static N value(N a) { return max(a, N(0)); }
  template <class N>
  RECURRA_HD static N slope(N a) { return select(a > N(0), N(1), N(0)); }
};

struct Logistic {
  static constexpr const char* cell_name = "Elman(activation=logistic)";
  template <class N>
  RECURRA_HD static N value(N a) { return sigmoid(a); }
  template <class N>
  RECURRA_HD static N slope(N a) {
    N s = sigmoid(a);
    return s * (1 - s);
  }
};

template <class Activation>
struct Elman : CellBase {
  static constexpr const char* name = Activation::cell_name;
  static constexpr const char* state_names = "h";
  enum State { h, num_states };
  enum Message { num_messages };
  enum { n, num_gates };
  RECURRA_HD static constexpr Gate gate(int) { return {Stage::node}; }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N*, N* s) { s[h] = Activation::value(a[n]); }
  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N*, const N* ds, N* da, N*, N*) {
    da[n] = ds[h] * Activation::slope(a[n]);
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
