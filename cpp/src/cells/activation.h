// The activations a cell can be made with, by name: Tanh, Relu, Logistic, Saturated.
#pragma once

#include "cell.h"
#include "cell_name.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct Tanh {
  static constexpr CellName name{"tanh"};
  static constexpr Function function = Function::tanh;
};

struct Relu {
  static constexpr CellName name{"relu"};
  static constexpr Function function = Function::relu;
};

struct Logistic {
  static constexpr CellName name{"logistic"};
  static constexpr Function function = Function::logistic;
};

// 0 below 0, the identity up to 1, and 1 above: H. T. Siegelmann, E. D. Sontag, Applied Mathematics Letters 4 (1991).
struct Saturated {
  static constexpr CellName name{"saturated"};
  static constexpr Function function = Function::saturated;
};

}  // namespace RECURRA_ISA
}  // namespace recurra
