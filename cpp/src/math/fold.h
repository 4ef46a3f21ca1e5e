// The lanes of a register in one number.
#pragma once

#include <utility>

#include "isa.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <int half, class Vector, class F, int... lane>
RECURRA_INLINE auto fold_halves(Vector v, const F& f, std::integer_sequence<int, lane...> lanes) {
  using Lanes = decltype(v > v);
  v = f(v, __builtin_shuffle(v, Lanes{(lane ^ half)...}));
  if constexpr (half > 1)
    return fold_halves<half / 2>(v, f, lanes);
  else
    return v[0];
}
// By halves: one behind the other, lanes would wait for each other. f joins registers lane by lane.
template <class Vector, class F>
RECURRA_INLINE auto fold(Vector v, const F& f) {
  constexpr int lanes = int(sizeof v / sizeof v[0]);
  return fold_halves<lanes / 2>(v, f, std::make_integer_sequence<int, lanes>{});
}

template <class Vector>
RECURRA_INLINE auto lane_sum(Vector v) {
  return fold(v, [](Vector a, Vector b) __attribute__((always_inline)) { return a + b; });
}
// Of numbers: a NaN may be overlooked.
template <class Vector>
RECURRA_INLINE auto lane_max(Vector v) {
  return fold(v, [](Vector a, Vector b) __attribute__((always_inline)) { return a > b ? a : b; });
}

}  // namespace RECURRA_ISA
}  // namespace recurra
