// The activations a cell can be made with, by name: Tanh, Relu, Logistic.
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

}  // namespace RECURRA_ISA
}  // namespace recurra
