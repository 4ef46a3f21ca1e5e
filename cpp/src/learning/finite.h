// Whether values are all finite.
#pragma once

#include "../backends/select.h"

namespace recurra {

template <class T>
bool all_finite(const T* values, Index count) {
  constexpr Index few = 64;  // looked at here: the end of a reduction costs more
  if (count > few) {
    const T most = kernels<T>(backend()).reductions.largest(values, count);
    return most == most;
  }
  // x - x is 0 for a finite x and NaN for any other; without a branch, so that the loop runs in registers.
  unsigned bad = 0;
  for (Index j = 0; j < count; ++j) bad |= unsigned(!(values[j] - values[j] == T(0)));
  return bad == 0;
}

}  // namespace recurra
