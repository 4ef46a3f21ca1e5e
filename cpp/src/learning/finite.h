// Whether values are all finite.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "../backends/select.h"

namespace recurra {

template <class T>
bool all_finite(const T* values, Index count) {
  constexpr Index few = 64;  // looked at here: the end of a reduction costs more
  if (count > few) {
    const T most = kernels<T>(backend()).reductions.largest(values, count);
    return most == most;
  }
  // The sign of (largest finite magnitude - magnitude), in integers and without a branch, so that the loop runs in registers.
  using Bits = std::conditional_t<sizeof(T) == sizeof(float), std::uint32_t, std::uint64_t>;
  constexpr Bits sign = ~(~Bits(0) >> 1), largest = std::bit_cast<Bits>(std::numeric_limits<T>::max());
  Bits bad = 0;
  for (Index j = 0; j < count; ++j) bad |= largest - (std::bit_cast<Bits>(values[j]) & ~sign);
  return (bad & sign) == 0;
}

}  // namespace recurra
