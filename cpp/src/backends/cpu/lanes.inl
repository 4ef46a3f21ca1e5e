// A row of units, a register at a time.
#pragma once

#include "../../math/isa.h"
#include "../../math/pack.h"

namespace recurra {
inline namespace RECURRA_ISA {

// Loads and stores of one register's worth of units: all lanes, or the first `count` at the end of a row.
template <class T, bool partial>
struct Lanes {
  int count;
  RECURRA_INLINE Pack<T> load(const T* p) const {
    if constexpr (partial)
      return Pack<T>::load(p, count);
    else
      return Pack<T>::load(p);
  }
  RECURRA_INLINE void store(T* p, Pack<T> value) const {
    if constexpr (partial)
      value.store(p, count);
    else
      value.store(p);
  }
  template <int blocks>
  RECURRA_INLINE void load_blocks(Pack<T>* to, const T* p, Index units) const {
    for (int k = 0; k < blocks; ++k) to[k] = load(p + k * units);
  }
  template <int blocks>
  RECURRA_INLINE void store_blocks(T* p, const Pack<T>* from, Index units) const {
    for (int k = 0; k < blocks; ++k) store(p + k * units, from[k]);
  }
  template <int blocks>
  RECURRA_INLINE void add_blocks(T* p, const Pack<T>* from, Index units) const {
    for (int k = 0; k < blocks; ++k) store(p + k * units, load(p + k * units) + from[k]);
  }
};

template <class T, class Body>
RECURRA_INLINE void for_each_register(Index begin, Index end, const Body& body) {
  constexpr int lanes = Pack<T>::lanes;
  Index j = begin;
  for (; j + lanes <= end; j += lanes) body(j, Lanes<T, false>{lanes});
  if (j < end) body(j, Lanes<T, true>{int(end - j)});
}
template <class T, class Body>
RECURRA_INLINE void for_each_register(Index units, const Body& body) {
  for_each_register<T>(0, units, body);
}

}  // namespace RECURRA_ISA
}  // namespace recurra
