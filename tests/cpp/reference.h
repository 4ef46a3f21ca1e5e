// The recursion of a node as the design states it, in plain loops over scalars, from the cell's own functions:
//   edge (once per parent; messages are summed) -> products -> node -> products -> out.
#pragma once

#include <vector>

#include "cells/gates.h"
#include "cells/prepare.h"
#include "cells/traits.h"
#include "math/isa.h"

namespace test {

using recurra::Index;
using Vector = std::vector<double>;
using States = std::vector<Vector>;  // [state][unit]

template <class Cell>
class Reference {
 public:
  // `params` in the order of the flat vector: W, R, R of the messages, R of the new states, b, u; each holds one block of
  // rows per gate that has it, in the order of the gates.
  Reference(Index inputs, Index units, const Vector& params) : inputs_(inputs), units_(units) {
    auto at = params.begin();
    const auto take = [&](std::vector<Vector>& blocks, auto has, Index columns) {
      for (int k = 0; k < Cell::num_gates; ++k)
        if (has(Cell::gate(k))) {
          blocks[std::size_t(k)].assign(at, at + units * columns);
          at += units * columns;
        }
    };
    using recurra::From, recurra::Gate;
    take(w_, [](Gate gate) { return gate.input; }, inputs);
    take(r_, [](Gate gate) { return gate.recurrent == From::feed; }, Cell::feeds * units);
    take(r_, [](Gate gate) { return gate.recurrent == From::message; }, units);
    take(r_, [](Gate gate) { return gate.recurrent == From::state; }, units);
    take(b_, [](Gate gate) { return gate.bias; }, 1);
    u_.assign(at, params.end());
  }

  States node(const double* x, const std::vector<States>& parents) const {
    const Index units = units_;
    States messages(Cell::num_messages, Vector(std::size_t(units), 0.0)),
        states(Cell::num_states, Vector(std::size_t(units), 0.0));
    Vector fed(std::size_t(Cell::feeds * units), 0.0);
    for (const States& parent : parents) {
      const Vector own = feed(parent);
      for (std::size_t j = 0; j < fed.size(); ++j) fed[j] += own[j];
      for (Index unit = 0; unit < units; ++unit) {
        double a[Cell::num_gates] = {}, u[at_least_one(Cell::num_params)], h[Cell::num_states],
               m[at_least_one(Cell::num_messages)] = {};
        gates(recurra::Stage::edge, unit, x, own, messages, states, a);
        unit_of(unit, u, parent, h);
        recurra::activate<Cell, recurra::Stage::edge>(a, u, h);
        Cell::edge(a, u, h, m);
        for (int k = 0; k < Cell::num_messages; ++k) messages[std::size_t(k)][std::size_t(unit)] += m[k];
      }
    }
    const States before = states;
    for (Index unit = 0; unit < units; ++unit) {
      double a[Cell::num_gates] = {}, u[at_least_one(Cell::num_params)], m[at_least_one(Cell::num_messages)],
             s[Cell::num_states] = {};
      gates(recurra::Stage::node, unit, x, fed, messages, before, a);
      unit_of(unit, u, messages, m);
      recurra::activate<Cell, recurra::Stage::node>(a, u, m);
      Cell::node(a, u, m, s);
      for (int k = 0; k < Cell::num_states; ++k) states[std::size_t(k)][std::size_t(unit)] = s[k];
    }
    const States written = states;
    for (Index unit = 0; unit < units; ++unit) {
      double a[Cell::num_gates] = {}, u[at_least_one(Cell::num_params)], s[Cell::num_states];
      gates(recurra::Stage::out, unit, x, fed, messages, written, a);
      unit_of(unit, u, written, s);
      recurra::activate<Cell, recurra::Stage::out>(a, u, s);
      Cell::out(a, u, s);
      for (int k = 0; k < Cell::num_states; ++k) states[std::size_t(k)][std::size_t(unit)] = s[k];
    }
    return states;
  }

 private:
  static constexpr int at_least_one(int count) { return count > 0 ? count : 1; }

  Vector feed(const States& parent) const {
    Vector joined;
    for (int k = 0; k < Cell::feeds; ++k)
      joined.insert(joined.end(), parent[std::size_t(k)].begin(), parent[std::size_t(k)].end());
    return joined;
  }

  void unit_of(Index unit, double* u, const States& from, double* to) const {
    double own[at_least_one(Cell::num_params)];
    for (int k = 0; k < Cell::num_params; ++k) own[k] = u_[std::size_t(k * units_ + unit)];
    recurra::prepare<Cell>(own, u);
    for (std::size_t k = 0; k < from.size(); ++k) to[k] = from[k][std::size_t(unit)];
  }

  // a_k = W_k x + R_k source + b_k for the gates of one stage.
  void gates(recurra::Stage stage, Index unit, const double* x, const Vector& fed, const States& messages, const States& states,
             double* a) const {
    for (int k = 0; k < Cell::num_gates; ++k) {
      const recurra::Gate gate = Cell::gate(k);
      if (gate.stage != stage) continue;
      const auto product = [&](const Vector& matrix, const double* source, Index columns) {
        for (Index j = 0; j < columns; ++j) a[k] += matrix[std::size_t(unit * columns + j)] * source[j];
      };
      const std::size_t gate_index = std::size_t(k), slot = std::size_t(gate.slot);
      if (gate.input) product(w_[gate_index], x, inputs_);
      if (gate.recurrent == recurra::From::feed) product(r_[gate_index], fed.data(), Index(fed.size()));
      if (gate.recurrent == recurra::From::message) product(r_[gate_index], messages[slot].data(), units_);
      if (gate.recurrent == recurra::From::state) product(r_[gate_index], states[slot].data(), units_);
      if (gate.bias) a[k] += b_[gate_index][std::size_t(unit)];
    }
  }

  Index inputs_, units_;
  std::vector<Vector> w_ = std::vector<Vector>(Cell::num_gates), r_ = w_, b_ = w_;
  Vector u_;
};

}  // namespace test
