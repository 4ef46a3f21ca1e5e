// The forward segments of a cell along one direction per row and seed: tangents of gates and parents in, of states out.
// One dual number per value; what the forward pass stored is read again.
#pragma once

#include "cell_forward.inl"

namespace recurra {
inline namespace RECURRA_ISA {

// Values with their tangents.
template <int blocks, class T, class L>
RECURRA_INLINE void load_duals(const L& lanes, const T* value, const T* tangent, Index units, Dual<Pack<T>, 1>* to) {
  for (int k = 0; k < blocks; ++k) {
    to[k].value = lanes.load(value + k * units);
    to[k].d[0] = lanes.load(tangent + k * units);
  }
}
template <int blocks, class T, class L>
RECURRA_INLINE void store_tangents(const L& lanes, T* tangent, const Dual<Pack<T>, 1>* from, Index units) {
  for (int k = 0; k < blocks; ++k) lanes.store(tangent + k * units, from[k].d[0]);
}
template <class Cell, Stage stage, class T, class L>
RECURRA_INLINE void load_dual_gates(const L& lanes, const T* a, const T* da, Index units, Dual<Pack<T>, 1>* to) {
  for (int k = 0; k < CellTraits<Cell>::gates; ++k)
    if (CellTraits<Cell>::is(k, stage)) load_duals<1>(lanes, a + k * units, da + k * units, units, to + k);
}

// Runs the functions `first` .. `last` on every row and seed of a chain.
template <class Cell, Stage first, Stage last, class T>
void cell_jvp(const CellRows<T>& rows, const CellCotangents<T>& d) {
  using Traits = CellTraits<Cell>;
  using D = Dual<Pack<T>, 1>;
  const Index units = rows.units;
  for (Index c = 0; c < rows.rows * d.seeds; ++c)
    for_each_register<T>(units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
      const Index r = c / d.seeds;
      D a[Traits::gates], parameter[at_least_one(Traits::params)], u[at_least_one(Traits::params)], m[at_least_one(Traits::messages)], s[Traits::states], parent[Traits::states];
      const T* value = rows.a + r * rows.a_stride + j;
      const T* tangent = d.a + c * d.a_stride + j;
      const auto message = [&] { return rows.message + r * rows.message_stride + j; };
      const auto dmessage = [&] { return d.message + c * d.message_stride + j; };
      T* dstate = d.state + c * d.state_stride + j;
      load_duals<Traits::params>(lanes, rows.params + j, tangent + Traits::gates * units, units, parameter);
      prepare<Cell>(parameter, u);
      for (auto& x : m) x = D(0);
      for (auto& x : s) x = D(0);
      if constexpr (first == Stage::edge) {
        load_dual_gates<Cell, Stage::edge>(lanes, value, tangent, units, a);
        load_duals<Traits::states>(lanes, rows.parent + r * rows.parent_stride + j, d.parent + c * d.parent_stride + j, units, parent);
        activate_tangents<Cell, Stage::edge>(a, u, parent);
        Cell::edge(a, u, parent, m);
        if constexpr (last == Stage::edge) store_tangents<Traits::messages>(lanes, dmessage(), m, units);
      } else if constexpr (first == Stage::node) {
        load_duals<Traits::messages>(lanes, message(), dmessage(), units, m);
      }
      if constexpr (first <= Stage::node && last >= Stage::node) {
        load_dual_gates<Cell, Stage::node>(lanes, value, tangent, units, a);
        activate_tangents<Cell, Stage::node>(a, u, m);
        Cell::node(a, u, m, s);
      }
      if constexpr (first == Stage::out)
        load_duals<Traits::states>(lanes, rows.state + r * rows.state_stride + j, dstate, units, s);
      if constexpr (last == Stage::out) {
        load_dual_gates<Cell, Stage::out>(lanes, value, tangent, units, a);
        activate_tangents<Cell, Stage::out>(a, u, s);
        Cell::out(a, u, s);
      }
      if constexpr (last >= Stage::node) store_tangents<Traits::states>(lanes, dstate, s, units);
    });
}

}  // namespace RECURRA_ISA
}  // namespace recurra
