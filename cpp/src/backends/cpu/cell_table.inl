// A cell's row in the backend table: what is known of it, and its kernels for float and double.
#pragma once

#include "../../math/pattern.h"
#include "cell_jvp.inl"
#include "cell_vjp.inl"

namespace recurra {
inline namespace RECURRA_ISA {

// The states that `edge` reads of a parent, and the fed ones.
template <class Cell>
std::uint64_t carried_states() {
  using Traits = CellTraits<Cell>;
  Pattern a[Traits::gates], u[at_least_one(Traits::params)], parent[Traits::states], m[at_least_one(Traits::messages)];
  for (int k = 0; k < Traits::states; ++k) parent[k] = Pattern::variable(k);
  Cell::edge(a, u, parent, m);
  std::uint64_t carried = 0;
  for (const Pattern& message : m) carried |= message.inputs;
  if (Traits::multiplies(From::feed)) carried |= (std::uint64_t(1) << Cell::feeds) - 1;
  return carried;
}

template <class Cell>
CellInfo cell_info() {
  using Traits = CellTraits<Cell>;
  static_assert(Traits::gates <= max_gates && Traits::states < 64);
  CellInfo info{};
  info.name = Cell::name;
  info.state_names = Cell::state_names;
  info.param_names = Cell::param_names;
  info.num_states = Traits::states;
  info.num_messages = Traits::messages;
  info.num_gates = Traits::gates;
  info.num_params = Traits::params;
  info.feeds = Cell::feeds;
  info.outputs = Cell::outputs;
  info.max_parents = Cell::max_parents;
  info.carried = carried_states<Cell>();
  for (int k = 0; k < Traits::gates; ++k) info.gates[k] = Cell::gate(k);
  return info;
}

template <class Cell, Stage first, Stage last, class T>
void set_segment(CellKernels<T>& kernels, int segment) {
  kernels.forward[segment] = cell_forward<Cell, first, last, T>;
  kernels.vjp[segment] = cell_vjp<Cell, first, last, T>;
  kernels.jvp[segment] = cell_jvp<Cell, first, last, T>;
}

template <class Cell, class T>
CellKernels<T> cell_kernels() {
  using Traits = CellTraits<Cell>;
  CellKernels<T> kernels{};
  int segment = 0;
  set_segment<Cell, Stage::edge, Traits::end_of_edge_segment>(kernels, segment++);
  if constexpr (Traits::split_after_edge) set_segment<Cell, Stage::node, Traits::end_of_node_segment>(kernels, segment++);
  if constexpr (Traits::split_after_node) set_segment<Cell, Stage::out, Stage::out>(kernels, segment++);
  return kernels;
}

template <class Cell>
CellTable cell_table() {
  return {cell_info<Cell>(), cell_kernels<Cell, float>(), cell_kernels<Cell, double>()};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
