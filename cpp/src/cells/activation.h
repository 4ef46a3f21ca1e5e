// The activations a cell can be made with, each with its slope by the pre-activation: Tanh, Relu, Logistic.
#pragma once

#include "cell.h"
#include "cell_name.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct Tanh {
  static constexpr CellName name{"tanh"};
  static constexpr Function function = Function::tanh;
  template <class N>
  RECURRA_HD static N value(N a) { return tanh(a); }
  template <class N>
  RECURRA_HD static N slope(N a) {
    N t = tanh(a);
    return 1 - t * t;
  }
};

struct Relu {
  static constexpr CellName name{"relu"};
  static constexpr Function function = Function::relu;
  template <class N>
  RECURRA_HD static N value(N a) { return max(a, N(0)); }
  template <class N>
  RECURRA_HD static N slope(N a) { return select(a > N(0), N(1), N(0)); }
};

struct Logistic {
  static constexpr CellName name{"logistic"};
  static constexpr Function function = Function::logistic;
  template <class N>
  RECURRA_HD static N value(N a) { return sigmoid(a); }
  template <class N>
  RECURRA_HD static N slope(N a) {
    N s = sigmoid(a);
    return s * (1 - s);
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
