// Random masks for dropout and zoneout.
#pragma once

#include "../../math/hash.h"
#include "../backend.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class T>
void draw_mask(std::uint64_t key, double probability, T dropped, T kept, Index count, T* mask) {
  for (Index j = 0; j < count; ++j) mask[j] = unit_interval(mix(key, std::uint64_t(j))) < probability ? dropped : kept;
}

template <class T>
Masks<T> masks_table() {
  return {draw_mask<T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
