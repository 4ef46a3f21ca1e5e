// The local VJP of a cell's three functions: by hand where the cell has one, else exact from its dual numbers.
//
// Each function gets the inputs of its forward function and the cotangents of its results, and writes the cotangents of
// its inputs: da for its own gates, du for the per-unit parameters, and those of parent, messages or states, which are all zero
// before: one by hand writes those that are not.
#pragma once

#include "gates.h"
#include "traits.h"

namespace recurra {
inline namespace RECURRA_ISA {

// Makes dual variables of a function's inputs and contracts its Jacobian with the cotangents of its results.
template <class Cell, Stage stage, class N, int others>
struct Local {
  using Traits = CellTraits<Cell>;
  static constexpr int inputs = Traits::count(stage) + Traits::params + others;
  using D = Dual<N, at_least_one(inputs)>;
  D a[Traits::gates], u[at_least_one(Traits::params)], other[at_least_one(others)];

  RECURRA_INLINE Local(const N* gates, const N* params, const N* rest) {
    int next = 0;
    for (int k = 0; k < Traits::gates; ++k)
      if (Traits::is(k, stage)) a[k] = D::variable(gates[k], next++);
    for (int k = 0; k < Traits::params; ++k) u[k] = D::variable(params[k], next++);
    for (int k = 0; k < others; ++k) other[k] = D::variable(rest[k], next++);
  }

  template <int results>
  RECURRA_INLINE void contract(const D* result, const N* dresult, N* da, N* du, N* drest) const {
    const auto column = [&](int input) {
      N sum(0);
      for (int j = 0; j < results; ++j) sum = sum + dresult[j] * result[j].d[input];
      return sum;
    };
    int next = 0;
    for (int k = 0; k < Traits::gates; ++k)
      if (Traits::is(k, stage)) da[k] = column(next++);
    for (int k = 0; k < Traits::params; ++k) du[k] = column(next++);
    for (int k = 0; k < others; ++k) drest[k] = column(next++);
  }
};

template <class Cell>
struct DualDerivative {
  using Traits = CellTraits<Cell>;

  template <class N>
  static RECURRA_INLINE void edge(const N* a, const N* u, const N* parent, const N* dm, N* da, N* du, N* dparent) {
    using L = Local<Cell, Stage::edge, N, Traits::states>;
    const L local(a, u, parent);
    typename L::D m[at_least_one(Traits::messages)];
    for (auto& message : m) message = typename L::D(0);
    Cell::edge(local.a, local.u, local.other, m);
    local.template contract<Traits::messages>(m, dm, da, du, dparent);
  }
  template <class N>
  static RECURRA_INLINE void node(const N* a, const N* u, const N* m, const N* ds, N* da, N* du, N* dm) {
    using L = Local<Cell, Stage::node, N, Traits::messages>;
    const L local(a, u, m);
    typename L::D s[Traits::states];
    for (auto& state : s) state = typename L::D(0);
    Cell::node(local.a, local.u, local.other, s);
    local.template contract<Traits::states>(s, ds, da, du, dm);
  }
  template <class N>
  static RECURRA_INLINE void out(const N* a, const N* u, const N* s, const N* dout, N* da, N* du, N* ds) {
    using L = Local<Cell, Stage::out, N, Traits::states>;
    const L local(a, u, s);
    typename L::D result[Traits::states];
    for (int k = 0; k < Traits::states; ++k) result[k] = local.other[k];
    Cell::out(local.a, local.u, result);
    local.template contract<Traits::states>(result, dout, da, du, ds);
  }
};

// The same, by hand where the cell has it.
template <class Cell>
struct LocalDerivative {
  template <class N>
  static RECURRA_INLINE void edge(const N* a, const N* u, const N* parent, const N* dm, N* da, N* du, N* dparent) {
    if constexpr (requires { Cell::edge_vjp(a, u, parent, dm, da, du, dparent); })
      Cell::edge_vjp(a, u, parent, dm, da, du, dparent);
    else
      DualDerivative<Cell>::edge(a, u, parent, dm, da, du, dparent);
  }
  template <class N>
  static RECURRA_INLINE void node(const N* a, const N* u, const N* m, const N* ds, N* da, N* du, N* dm) {
    if constexpr (requires { Cell::node_vjp(a, u, m, ds, da, du, dm); })
      Cell::node_vjp(a, u, m, ds, da, du, dm);
    else
      DualDerivative<Cell>::node(a, u, m, ds, da, du, dm);
  }
  template <class N>
  static RECURRA_INLINE void out(const N* a, const N* u, const N* s, const N* dout, N* da, N* du, N* ds) {
    if constexpr (requires { Cell::out_vjp(a, u, s, dout, da, du, ds); })
      Cell::out_vjp(a, u, s, dout, da, du, ds);
    else
      DualDerivative<Cell>::out(a, u, s, dout, da, du, ds);
  }
};

// And back to the pre-activations: da are their cotangents.
template <class Cell, class Local = LocalDerivative<Cell>>
struct Derivative {
  template <class N>
  static RECURRA_INLINE void edge(const N* a, const N* u, const N* parent, const N* dm, N* da, N* du, N* dparent) {
    Local::edge(a, u, parent, dm, da, du, dparent);
    activate_vjp<Cell, Stage::edge>(a, u, parent, da, du, dparent);
  }
  template <class N>
  static RECURRA_INLINE void node(const N* a, const N* u, const N* m, const N* ds, N* da, N* du, N* dm) {
    Local::node(a, u, m, ds, da, du, dm);
    activate_vjp<Cell, Stage::node>(a, u, m, da, du, dm);
  }
  template <class N>
  static RECURRA_INLINE void out(const N* a, const N* u, const N* s, const N* dout, N* da, N* du, N* ds) {
    Local::out(a, u, s, dout, da, du, ds);
    activate_vjp<Cell, Stage::out>(a, u, s, da, du, ds);
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
