// What a cell's pointwise part costs, from its own functions on numbers that count.
#pragma once

#include "../../cells/derivative.h"
#include "../../math/count.h"
#include "../backend.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Cell>
CellOperations cell_operations() {
  using Traits = CellTraits<Cell>;
  CellOperations result{};
  int* counter = &result.edge;
  const auto vary = [&](Count* values, int count) {
    for (int k = 0; k < count; ++k) values[k] = Count::variable(*counter);
  };
  Count a[Traits::gates], u[at_least_one(Traits::params)], parent[Traits::states], m[at_least_one(Traits::messages)],
      s[Traits::states];
  const auto begin = [&](int& operations) {  // what is stored, as it is read for this count
    counter = &operations;
    vary(a, Traits::gates);
    vary(u, Traits::params);
    vary(parent, Traits::states);
  };
  begin(result.edge);
  activate<Cell, Stage::edge>(a, u, parent);
  Cell::edge(a, u, parent, m);
  begin(result.node);
  vary(m, Traits::messages);
  activate<Cell, Stage::node>(a, u, m);
  Cell::node(a, u, m, s);
  vary(s, Traits::states);
  activate<Cell, Stage::out>(a, u, s);
  Cell::out(a, u, s);

  Count da[Traits::gates], du[at_least_one(Traits::params)], dparent[Traits::states], dm[at_least_one(Traits::messages)],
      ds[Traits::states], dresult[Traits::states];
  begin(result.node_back);
  vary(m, Traits::messages);
  vary(s, Traits::states);
  vary(ds, Traits::states);
  if constexpr (Traits::count(Stage::out) > 0) {
    for (int k = 0; k < Traits::states; ++k) {
      dresult[k] = ds[k];
      ds[k] = Count(0);
    }
    Derivative<Cell>::out(a, u, s, dresult, da, du, ds);
  }
  Derivative<Cell>::node(a, u, m, ds, da, du, dm);
  begin(result.edge_back);
  vary(dm, Traits::messages);
  Derivative<Cell>::edge(a, u, parent, dm, da, du, dparent);
  return result;
}

}  // namespace RECURRA_ISA
}  // namespace recurra
