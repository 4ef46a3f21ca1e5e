// What follows from a cell's gates at compile time: counts per stage, ranks, and where products split its three functions.
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

RECURRA_HD constexpr int at_least_one(int count) { return count > 0 ? count : 1; }  // the length of an array that may be empty

template <class Cell>
struct CellTraits {
  static constexpr int gates = Cell::num_gates, states = Cell::num_states, messages = Cell::num_messages,
                       params = Cell::num_params;

  RECURRA_HD static constexpr bool is(int k, Stage stage) { return Cell::gate(k).stage == stage; }
  RECURRA_HD static constexpr int count(Stage stage) {
    int total = 0;
    for (int k = 0; k < gates; ++k) total += is(k, stage);
    return total;
  }
  // Position of gate k among the gates of its stage.
  RECURRA_HD static constexpr int rank(int k) {
    int before = 0;
    for (int j = 0; j < k; ++j) before += is(j, Cell::gate(k).stage);
    return before;
  }
  RECURRA_HD static constexpr bool multiplies(From source) {
    for (int k = 0; k < gates; ++k)
      if (Cell::gate(k).recurrent == source) return true;
    return false;
  }
  static constexpr bool split_after_edge = multiplies(From::message), split_after_node = multiplies(From::state);

  static_assert(gates > 0 && states > 0 && Cell::outputs >= 1 && Cell::outputs <= states && Cell::feeds <= states);
  static constexpr bool sources_fit_stages() {
    for (int k = 0; k < gates; ++k) {
      const Gate gate = Cell::gate(k);
      if (gate.recurrent == From::message && (gate.stage == Stage::edge || gate.slot >= messages)) return false;
      if (gate.recurrent == From::state && (gate.stage != Stage::out || gate.slot >= states)) return false;
    }
    return true;
  }
  static_assert(sources_fit_stages(), "a message is known to node and out gates, a new state to out gates only");
};

}  // namespace RECURRA_ISA
}  // namespace recurra
