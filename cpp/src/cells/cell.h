// The cell contract: a cell is the pointwise mathematics of one hidden unit. Every matrix product belongs to the library.
//
// Glossary (used in cells/, learning/, backends/ only):
//   x input   h state that leaves the cell   c memory   a gate   m message, summed over the parents
//   W input weights   R recurrent weights   b bias   u per-unit parameters   d... gradient of the loss by ...
//   T time   B batch   I input size   H hidden size
//
// One node runs  edge (once per parent) -> products -> node -> products -> out:
//   edge(a, u, parent, m)  reads the edge gates and the parent's states, writes the messages; the library sums them
//   node(a, u, m, s)       reads the node gates and the summed messages, writes states
//   out (a, u, s)          reads the out gates and the states written by node, writes the remaining states; a cell that has it
//                          has an out gate
// a[k] = f_k(W_k x + R_k source + b_k + u_p peep) for gate k: the source is what `Gate::recurrent` names, f its `function`, and
// the last term, if any, what it peeps at. The library keeps a, and gets slopes from it; a cell never sees a pre-activation
// unless the function is the identity. A node without parents has one virtual parent, the initial state. A function must not read
// a state that it writes.
#pragma once

#include "../math/functions.h"

namespace recurra {

enum class Stage { edge, node, out };  // the function that reads the gate
enum class From {
  none,
  feed,
  message,
  state
};  // what R multiplies: the fed states of a parent (summed over the parents for
    // node and out gates), a summed message (node, out), a new state (out)

// Of a pre-activation; log_logistic: log sigmoid(a), saturated: a within 0 .. 1.
enum class Function { identity, logistic, log_logistic, tanh, relu, saturated };

struct Gate {
  Stage stage;
  bool input = true;  // has W x
  From recurrent = From::feed;
  int slot = 0;  // which message or state, for From::message and From::state
  bool bias = true;
  Function function = Function::identity;
  int peep = -1;      // what is added to the pre-activation of what the gate's stage reads: a parent's state (edge), a message
                      // (node) or a new state (out); -1: nothing
  int peephole = -1;  // the per-unit parameter that it is multiplied by; -1: none

  RECURRA_HD constexpr Gate of(Function f) const {
    Gate gate = *this;
    gate.function = f;
    return gate;
  }
  RECURRA_HD constexpr Gate plus(int seen, int weight = -1) const {
    Gate gate = *this;
    gate.peep = seen;
    gate.peephole = weight;
    return gate;
  }
};

inline namespace RECURRA_ISA {

struct CellBase {
  static constexpr int num_params = 0;  // per-unit parameters, u
  // The last of them are constants, 0 < constant <= most_constant: numbers that the description of a layer gives by name.
  static constexpr int num_constants = 0;
  static constexpr double most_constant = 1;
  static constexpr int feeds = 1;    // states 0 .. feeds-1 are what From::feed multiplies
  static constexpr int outputs = 1;  // states 0 .. outputs-1 leave the layer
  static constexpr int unlimited = 1 << 30, max_parents = unlimited;
  static constexpr int forget_gate = -1;  // the gate whose bias decides how long a memory is kept; -1: none
  // States that have a meaning only together, a bit each: zoneout must not hold them back one by one, nor are they learned.
  static constexpr unsigned bound_states = 0;
  // Names are separated by spaces; where left out: s0, s1, ... (u0, ..., a0, ...).
  static constexpr const char* state_names = "";
  static constexpr const char* param_names = "";
  static constexpr const char* gate_names = "";
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N*, N*) {}
  template <class N>
  RECURRA_HD static void out(const N*, const N*, N*) {}
  // A cell may give its functions something else in the place of u, which depends on u alone:
  //   prepare(u, p)  writes p, one for each parameter
  // The kernels call it once for many rows.
  //
  // A cell may draw its per-unit parameters from numbers that are uniform in [0, 1), one for each:
  //   static void initial(const double* uniform, double* u)
};

}  // namespace RECURRA_ISA
}  // namespace recurra
