// A cell's row in the backend table: what is known of it, and its kernels for float and double.
#pragma once

#include "../../math/pattern.h"
#include "cell_jvp.inl"
#include "cell_operations.inl"
#include "cell_step.inl"
#include "cell_vjp.inl"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Cell>
constexpr bool has_out = CellTraits<Cell>::count(Stage::out) > 0;

// The states that `edge` reads of a parent.
template <class Cell>
std::uint64_t read_by_edge() {
  using Traits = CellTraits<Cell>;
  Pattern a[Traits::gates], u[at_least_one(Traits::params)], parent[Traits::states], m[at_least_one(Traits::messages)];
  for (int k = 0; k < Traits::states; ++k) parent[k] = Pattern::variable(k);
  activate<Cell, Stage::edge>(a, u, parent);
  Cell::edge(a, u, parent, m);
  std::uint64_t read = 0;
  for (const Pattern& message : m) read |= message.inputs;
  return read;
}

// Which new states `out` writes, and which it reads to do so.
struct OutStates {
  std::uint64_t read = 0, written = 0;
};
template <class Cell>
OutStates out_states() {
  using Traits = CellTraits<Cell>;
  Pattern a[Traits::gates], u[at_least_one(Traits::params)], s[Traits::states];
  for (int k = 0; k < Traits::states; ++k) s[k] = Pattern::variable(k);
  activate<Cell, Stage::out>(a, u, s);
  Cell::out(a, u, s);
  OutStates result;
  for (int k = 0; k < Traits::states; ++k)
    if (s[k].inputs != Pattern::variable(k).inputs) {
      result.read |= s[k].inputs;
      result.written |= std::uint64_t(1) << k;
    }
  return result;
}

template <class Cell>
CellInfo cell_info() {
  using Traits = CellTraits<Cell>;
  static_assert(Traits::gates <= max_gates && Traits::states < 64 && Traits::params <= max_params);
  CellInfo info{};
  info.name = Cell::name;
  info.state_names = Cell::state_names;
  info.param_names = Cell::param_names;
  info.gate_names = Cell::gate_names;
  info.num_states = Traits::states;
  info.num_messages = Traits::messages;
  info.num_gates = Traits::gates;
  info.num_params = Traits::params;
  info.feeds = Cell::feeds;
  info.outputs = Cell::outputs;
  info.max_parents = Cell::max_parents;
  info.num_constants = Cell::num_constants;
  info.forget_gate = Cell::forget_gate;
  info.read_by_edge = info.carried = read_by_edge<Cell>();
  if (Traits::multiplies(From::feed)) info.carried |= (std::uint64_t(1) << Cell::feeds) - 1;
  if constexpr (has_out<Cell>) {
    const OutStates states = out_states<Cell>();
    info.read_by_out = states.read;
    info.written_by_out = states.written;
  }
  info.bound_states = Cell::bound_states;
  info.most_constant = Cell::most_constant;
  if constexpr (requires { &Cell::initial; }) info.initial = Cell::initial;
  info.operations = cell_operations<Cell>();
  for (int k = 0; k < Traits::gates; ++k) info.gates[k] = Cell::gate(k);
  return info;
}

template <class Cell, Stage first, Stage last, class T>
void set_segment(CellKernels<T>& kernels, int segment) {
  kernels.forward[segment] = cell_forward<Cell, first, last, T>;
  kernels.vjp[segment] = cell_vjp<Cell, first, last, T>;
  kernels.jvp[segment] = cell_jvp<Cell, first, last, T>;
}

// The segments of a cell whose products stand after edge and node or not.
template <class Cell, class T, bool after_edge, bool after_node>
CellKernels<T> cell_kernels() {
  constexpr Stage end_of_node = after_node ? Stage::node : Stage::out, end_of_edge = after_edge ? Stage::edge : end_of_node;
  CellKernels<T> kernels{};
  int segment = 0;
  set_segment<Cell, Stage::edge, end_of_edge>(kernels, segment++);
  if constexpr (after_edge) set_segment<Cell, Stage::node, end_of_node>(kernels, segment++);
  if constexpr (after_node) set_segment<Cell, Stage::out, Stage::out>(kernels, segment++);
  return kernels;
}

template <class Cell, class T>
CellVariants<T> cell_variants() {
  using Traits = CellTraits<Cell>;
  constexpr bool after_edge = Traits::split_after_edge, after_node = Traits::split_after_node;
  return {cell_kernels<Cell, T, after_edge, after_node>(),
          cell_kernels<Cell, T, after_edge, after_node || has_out<Cell>>(),
          cell_step_of<Cell, T>(),
          {}};
}

template <class Cell>
CellTable cell_table() {
  return {cell_info<Cell>(), cell_variants<Cell, float>(), cell_variants<Cell, double>()};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
