// The forward segments of a cell over rows and units, a register of units at a time.
#pragma once

#include "../../cells/gates.h"
#include "unit_params.inl"

namespace recurra {
inline namespace RECURRA_ISA {

// The gates of one stage of a node (block k of its row), or the edge gates of an edge (compact, by rank).
template <class Cell, Stage stage, class T, class L>
RECURRA_INLINE void load_gates(const L& lanes, const T* row, Index units, bool compact, Pack<T>* a) {
  using Traits = CellTraits<Cell>;
  for (int k = 0; k < Traits::gates; ++k)
    if (Traits::is(k, stage)) a[k] = lanes.load(row + (compact ? Traits::rank(k) : k) * units);
}

template <class Cell, Stage stage, class T, class L>
RECURRA_INLINE void store_gates(const L& lanes, T* row, Index units, bool compact, const Pack<T>* a) {
  using Traits = CellTraits<Cell>;
  for (int k = 0; k < Traits::gates; ++k)
    if (Traits::is(k, stage)) lanes.store(row + (compact ? Traits::rank(k) : k) * units, a[k]);
}

// The gates of a stage, made of their pre-activations and, if wanted, kept in their place.
template <class Cell, Stage stage, class T, class L>
RECURRA_INLINE void make_gates(const L& lanes, T* row, Index units, bool compact, bool keep, const Pack<T>* u,
                               const Pack<T>* other, Pack<T>* a) {
  load_gates<Cell, stage>(lanes, row, units, compact, a);
  activate<Cell, stage>(a, u, other);
  if (keep) store_gates<Cell, stage>(lanes, row, units, compact, a);
}

// The messages of row r, summed over its parents; `first`: their gates are still pre-activations.
template <class Cell, bool first, class T, class L>
RECURRA_INLINE void sum_messages(const CellRows<T>& rows, Index r, Index j, const L& lanes, const Pack<T>* u, Pack<T>* m) {
  using Traits = CellTraits<Cell>;
  using N = Pack<T>;
  N a[Traits::gates], parent[Traits::states];
  const auto gates = [&](T* row, bool compact) __attribute__((always_inline)) {
    if constexpr (first)
      make_gates<Cell, Stage::edge>(lanes, row, rows.units, compact, rows.keep_gates, u, parent, a);
    else
      load_gates<Cell, Stage::edge>(lanes, row, rows.units, compact, a);
  };
  if (!rows.edge_begin) {
    lanes.template load_blocks<Traits::states>(parent, rows.parent + r * rows.parent_stride + j, rows.units);
    gates(rows.a + r * rows.a_stride + j, false);
    for (int k = 0; k < Traits::messages; ++k) m[k] = N(0);
    Cell::edge(a, u, parent, m);
    return;
  }
  for (int k = 0; k < Traits::messages; ++k) m[k] = N(0);
  for (Index e = rows.edge_begin[r]; e < rows.edge_begin[r + 1]; ++e) {
    N message[at_least_one(Traits::messages)];
    for (int k = 0; k < Traits::messages; ++k) message[k] = N(0);
    lanes.template load_blocks<Traits::states>(parent, rows.parent + rows.parent_row[e] * rows.parent_stride + j, rows.units);
    gates(rows.edge_a + e * rows.edge_a_stride + j, true);
    Cell::edge(a, u, parent, message);
    for (int k = 0; k < Traits::messages; ++k) m[k] = m[k] + message[k];
  }
}

// Runs the functions `first` .. `last` on every row.
template <class Cell, Stage first, Stage last, class T>
void cell_forward(const CellRows<T>& rows) {
  using Traits = CellTraits<Cell>;
  using N = Pack<T>;
  const Index units = rows.units;
  for_each_tile<Cell, T>(units, [&](Index begin, Index end) __attribute__((always_inline)) {
  const UnitParams<Cell, T, false> params(rows, begin, end);
  for (Index r = 0; r < rows.rows; ++r)
    for_each_register<T>(begin, end, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
      N a[Traits::gates], u[at_least_one(Traits::params)], m[at_least_one(Traits::messages)], s[Traits::states];
      const auto message = [&] { return rows.message + r * rows.message_stride + j; };
      T* state = rows.state + r * rows.state_stride + j;
      T* row = rows.a + r * rows.a_stride + j;
      params.load(lanes, j, u);
      if constexpr (first == Stage::edge) {
        sum_messages<Cell, true>(rows, r, j, lanes, u, m);
        if constexpr (last == Stage::edge) lanes.template store_blocks<Traits::messages>(message(), m, units);
      }
      if constexpr (first == Stage::node) lanes.template load_blocks<Traits::messages>(m, message(), units);
      if constexpr (first <= Stage::node && last >= Stage::node) {
        for (int k = 0; k < Traits::states; ++k) s[k] = N(0);
        make_gates<Cell, Stage::node>(lanes, row, units, false, rows.keep_gates, u, m, a);
        Cell::node(a, u, m, s);
      }
      if constexpr (first == Stage::out) lanes.template load_blocks<Traits::states>(s, state, units);
      if constexpr (last == Stage::out) {
        make_gates<Cell, Stage::out>(lanes, row, units, false, rows.keep_gates, u, s, a);
        Cell::out(a, u, s);
      }
      if constexpr (last >= Stage::node) lanes.template store_blocks<Traits::states>(state, s, units);
    });
  });
}

}  // namespace RECURRA_ISA
}  // namespace recurra
