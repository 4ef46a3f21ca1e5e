// The per-unit parameters as a kernel's functions see them. Where they must be prepared, units go a few registers at a time, each
// through all rows of the call: what was prepared for them stays in the first-level cache.
#pragma once

#include "../../cells/prepare.h"
#include "../backend.h"
#include "lanes.inl"

namespace recurra {
inline namespace RECURRA_ISA {

template <class Cell, class T>
inline constexpr Index units_prepared = 16 * Pack<T>::lanes;  // at once

// Calls body(begin, end) for all units.
template <class Cell, class T, class Body>
RECURRA_INLINE void for_each_tile(Index units, const Body& body) {
  if constexpr (prepares<Cell>)
    for (Index begin = 0; begin < units; begin += units_prepared<Cell, T>) {
      const Index left = units - begin;
      body(begin, begin + (left < units_prepared<Cell, T> ? left : units_prepared<Cell, T>));
    }
  else
    body(Index(0), units);
}

// As they are.
template <class Cell, class T, bool back, bool prepared = prepares<Cell>>
struct UnitParams {
  static constexpr int params = Cell::num_params;
  const T* u;
  Index units;
  RECURRA_INLINE UnitParams(const CellRows<T>& rows, Index, Index) : u(rows.params), units(rows.units) {}
  template <class L>
  RECURRA_INLINE void load(const L& lanes, Index j, Pack<T>* to) const {
    lanes.template load_blocks<params>(to, u + j, units);
  }
  // Cotangents of what was loaded -> of the parameters.
  template <class L>
  RECURRA_INLINE void go_back(const L&, Index, Pack<T>*) const {}
};

template <class Cell, class T, bool back>
struct UnitParams<Cell, T, back, true> {
  static constexpr int params = Cell::num_params;
  static constexpr Index tile = units_prepared<Cell, T>;
  Index begin;
  T value[params * tile], slope[back ? params * params * tile : 1];

  RECURRA_INLINE UnitParams(const CellRows<T>& rows, Index first, Index end) : begin(first) {
    for_each_register<T>(first, end, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
      Pack<T> u[params], p[params], slopes[params * params];
      lanes.template load_blocks<params>(u, rows.params + j, rows.units);
      if constexpr (back) {
        prepare_with_slopes<Cell>(u, p, slopes);
        lanes.template store_blocks<params * params>(slope + j - begin, slopes, tile);
      } else {
        prepare<Cell>(u, p);
      }
      lanes.template store_blocks<params>(value + j - begin, p, tile);
    });
  }
  template <class L>
  RECURRA_INLINE void load(const L& lanes, Index j, Pack<T>* to) const {
    lanes.template load_blocks<params>(to, value + j - begin, tile);
  }
  template <class L>
  RECURRA_INLINE void go_back(const L& lanes, Index j, Pack<T>* d) const {
    Pack<T> du[params];
    for (int k = 0; k < params; ++k) {
      du[k] = Pack<T>(0);
      for (int i = 0; i < params; ++i) du[k] = du[k] + d[i] * lanes.load(slope + (i * params + k) * tile + j - begin);
    }
    for (int k = 0; k < params; ++k) d[k] = du[k];
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
