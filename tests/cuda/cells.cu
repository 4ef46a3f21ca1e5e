// Compiles every cell, the library's and the tests' own, for CUDA: one thread runs one unit forwards, and back by the
// cell's derivative and by that of its dual numbers. Compiling is the test; nothing here is run.
#include "../cpp/cell_types.h"
#include "cells/derivative.h"
#include "cells/prepare.h"

namespace {

using namespace recurra;

// Where one unit's values stand: arrays [count][units] of gates, parameters, parents' states and results.
template <class T>
struct Unit {
  int index, units;
  template <int count>
  __device__ void load(T (&to)[count], const T* from) const {
    for (int k = 0; k < count; ++k) to[k] = from[k * units + index];
  }
  template <int count>
  __device__ void store(T* to, const T (&from)[count]) const {
    for (int k = 0; k < count; ++k) to[k * units + index] = from[k];
  }
};

template <class Rule, class Cell, class T>
__device__ void backward(const Unit<T>& unit, const T* a, const T* u, const T* parent, const T* m, const T* before_out,
                         const T* ds, T* da_rows, T* dparent_rows) {
  using Traits = CellTraits<Cell>;
  T da[Traits::gates] = {}, du[at_least_one(Traits::params)] = {}, dm[at_least_one(Traits::messages)] = {};
  T dstate[Traits::states] = {}, dparent[Traits::states] = {};
  Rule::out(a, u, before_out, ds, da, du, dstate);
  Rule::node(a, u, m, dstate, da, du, dm);
  Rule::edge(a, u, parent, dm, da, du, dparent);
  unit.store(da_rows, da);
  unit.store(dparent_rows, dparent);
}

template <class Cell, class T>
__global__ void forward_and_backward(int units, const T* a_rows, const T* u_rows, const T* parent_rows, T* state_rows, T* da_rows,
                                     T* dparent_rows) {
  using Traits = CellTraits<Cell>;
  const Unit<T> unit{int(blockIdx.x * blockDim.x + threadIdx.x), units};
  if (unit.index >= units) return;
  T a[Traits::gates], parameter[at_least_one(Traits::params)], u[at_least_one(Traits::params)], parent[Traits::states],
      before_out[Traits::states];
  T m[at_least_one(Traits::messages)] = {}, s[Traits::states] = {};
  unit.load(a, a_rows);
  unit.load(parameter, u_rows);
  prepare<Cell>(parameter, u);
  unit.load(parent, parent_rows);

  activate<Cell, Stage::edge>(a, u, parent);
  Cell::edge(a, u, parent, m);
  activate<Cell, Stage::node>(a, u, m);
  Cell::node(a, u, m, s);
  activate<Cell, Stage::out>(a, u, s);
  for (int k = 0; k < Traits::states; ++k) before_out[k] = s[k];
  Cell::out(a, u, s);
  unit.store(state_rows, s);

  backward<Derivative<Cell>, Cell>(unit, a, u, parent, m, before_out, s, da_rows, dparent_rows);
  backward<DualDerivative<Cell>, Cell>(unit, a, u, parent, m, before_out, s, da_rows, dparent_rows);
}

struct Launch {
  template <class Cell>
  void operator()() const {
    forward_and_backward<Cell, float><<<1, 32>>>(0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    forward_and_backward<Cell, double><<<1, 32>>>(0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  }
};

}  // namespace

void launch_every_cell() { test::for_each_cell_type(Launch{}); }
