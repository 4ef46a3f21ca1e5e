// The backward segments of a cell: cotangents of its results in, cotangents of its gates, parameters and parents out.
// Messages that were not stored are computed again.
#pragma once

#include "../../cells/derivative.h"
#include "cell_forward.inl"

namespace recurra {
inline namespace RECURRA_ISA {

// The edge functions of row r backwards, for cotangent number `seed` of the row. du is added to.
template <class Cell, class T, class L>
RECURRA_INLINE void edges_vjp(const CellRows<T>& rows, const CellCotangents<T>& d, Index r, Index seed, Index j, const L& lanes,
                              const Pack<T>* u, const Pack<T>* dm, Pack<T>* du) {
  using Traits = CellTraits<Cell>;
  using N = Pack<T>;
  const Index units = rows.units;
  N da[Traits::gates], sum[Traits::gates];
  const auto one_edge = [&](const T* edge_a, bool compact, const T* parent_row, T* dparent_row) __attribute__((always_inline)) {
    N a[Traits::gates], parent[Traits::states], dparent[Traits::states], dparams[at_least_one(Traits::params)];
    load_gates<Cell, Stage::edge>(lanes, edge_a + j, units, compact, a);
    lanes.template load_blocks<Traits::states>(parent, parent_row + j, units);
    for (int k = 0; k < Traits::states; ++k) dparent[k] = N(0);
    for (int k = 0; k < Traits::params; ++k) dparams[k] = N(0);
    Derivative<Cell>::edge(a, u, parent, dm, da, dparams, dparent);
    for (int k = 0; k < Traits::params; ++k) du[k] = du[k] + dparams[k];
    lanes.template add_blocks<Traits::states>(dparent_row + j, dparent, units);
  };
  T* da_row = d.a + (r * d.seeds + seed) * d.a_stride + j;
  if (!rows.edge_begin) {
    one_edge(rows.a + r * rows.a_stride, false, rows.parent + r * rows.parent_stride,
             d.parent + (r * d.seeds + seed) * d.parent_stride);
    store_gates<Cell, Stage::edge>(lanes, da_row, units, false, da);
    return;
  }
  for (int k = 0; k < Traits::gates; ++k) sum[k] = N(0);
  for (Index e = rows.edge_begin[r]; e < rows.edge_begin[r + 1]; ++e) {
    one_edge(rows.edge_a + e * rows.edge_a_stride, true, rows.parent + rows.parent_row[e] * rows.parent_stride,
             d.parent + (rows.parent_row[e] * d.seeds + seed) * d.parent_stride);
    store_gates<Cell, Stage::edge>(lanes, d.edge_a + (e * d.seeds + seed) * d.edge_a_stride + j, units, true, da);
    for (int k = 0; k < Traits::gates; ++k)
      if (Traits::is(k, Stage::edge)) sum[k] = sum[k] + da[k];
  }
  store_gates<Cell, Stage::edge>(lanes, da_row, units, false, sum);  // W and b see the sum over the edges
}

// Runs the functions `last` .. `first` backwards on every row and seed.
template <class Cell, Stage first, Stage last, class T>
void cell_vjp(const CellRows<T>& rows, const CellCotangents<T>& d) {
  using Traits = CellTraits<Cell>;
  using N = Pack<T>;
  const Index units = rows.units;
  for_each_tile<Cell, T>(units, [&](Index begin, Index end) __attribute__((always_inline)) {
  const UnitParams<Cell, T, true> params(rows, begin, end);
  for (Index r = 0; r < rows.rows; ++r)
    for_each_register<T>(begin, end, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
      N a[Traits::gates], u[at_least_one(Traits::params)], m[at_least_one(Traits::messages)], s[Traits::states];
      const T* row = rows.a + r * rows.a_stride + j;
      params.load(lanes, j, u);
      if constexpr (first <= Stage::node && last >= Stage::node) {
        load_gates<Cell, Stage::node>(lanes, row, units, false, a);
        if constexpr (first == Stage::edge)
          sum_messages<Cell, false>(rows, r, j, lanes, u, m);
        else
          lanes.template load_blocks<Traits::messages>(m, rows.message + r * rows.message_stride + j, units);
      }
      if constexpr (last == Stage::out) {
        load_gates<Cell, Stage::out>(lanes, row, units, false, a);
        lanes.template load_blocks<Traits::states>(s, rows.state + r * rows.state_stride + j, units);
      }
      for (Index seed = 0; seed < d.seeds; ++seed) {
        const Index c = r * d.seeds + seed;
        N da[Traits::gates], du[at_least_one(Traits::params)], more[at_least_one(Traits::params)], dm[at_least_one(Traits::messages)],
            dstate[Traits::states], ds[Traits::states];
        T* da_row = d.a + c * d.a_stride + j;
        T* ds_row = d.state + c * d.state_stride + j;
        const auto dm_row = [&] { return d.message + c * d.message_stride + j; };
        for (int k = 0; k < Traits::params; ++k) du[k] = more[k] = N(0);
        for (int k = 0; k < Traits::messages; ++k) dm[k] = N(0);
        if constexpr (last >= Stage::node) lanes.template load_blocks<Traits::states>(ds, ds_row, units);
        if constexpr (last == Stage::out) {
          for (int k = 0; k < Traits::states; ++k) {
            dstate[k] = ds[k];
            ds[k] = N(0);
          }
          Derivative<Cell>::out(a, u, s, dstate, da, du, ds);
          store_gates<Cell, Stage::out>(lanes, da_row, units, false, da);
          if constexpr (first == Stage::out) lanes.template store_blocks<Traits::states>(ds_row, ds, units);
        }
        if constexpr (first <= Stage::node && last >= Stage::node) {
          Derivative<Cell>::node(a, u, m, ds, da, more, dm);
          for (int k = 0; k < Traits::params; ++k) du[k] = du[k] + more[k];
          store_gates<Cell, Stage::node>(lanes, da_row, units, false, da);
          if constexpr (first == Stage::node) lanes.template store_blocks<Traits::messages>(dm_row(), dm, units);
        }
        if constexpr (first == Stage::edge) {
          if constexpr (last == Stage::edge) lanes.template load_blocks<Traits::messages>(dm, dm_row(), units);
          edges_vjp<Cell>(rows, d, r, seed, j, lanes, u, dm, du);
        }
        params.go_back(lanes, j, du);
        if constexpr (last == Stage::out)  // the first segment on the way back
          lanes.template store_blocks<Traits::params>(da_row + Traits::gates * units, du, units);
        else
          lanes.template add_blocks<Traits::params>(da_row + Traits::gates * units, du, units);
      }
    });
  });
}

}  // namespace RECURRA_ISA
}  // namespace recurra
