// What a cell's functions see of its per-unit parameters: p = prepare(u), or u as it is; and back.
#pragma once

#include "../math/dual.h"
#include "traits.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Cell>
inline constexpr bool prepares = requires(const float* u, float* p) { Cell::prepare(u, p); };

template <class Cell, class N>
RECURRA_INLINE void prepare(const N* u, N* p) {
  if constexpr (prepares<Cell>)
    Cell::prepare(u, p);
  else
    for (int k = 0; k < Cell::num_params; ++k) p[k] = u[k];
}

// And the derivative of p[i] by u[k], slope[i * params + k].
template <class Cell, class N>
RECURRA_INLINE void prepare_with_slopes(const N* u, N* p, N* slope) {
  constexpr int params = Cell::num_params;
  using D = Dual<N, at_least_one(params)>;
  D variable[at_least_one(params)], result[at_least_one(params)];
  for (int k = 0; k < params; ++k) variable[k] = D::variable(u[k], k);
  prepare<Cell>(variable, result);
  for (int i = 0; i < params; ++i) {
    p[i] = result[i].value;
    for (int k = 0; k < params; ++k) slope[i * params + k] = result[i].d[k];
  }
}

}  // namespace RECURRA_ISA
}  // namespace recurra
