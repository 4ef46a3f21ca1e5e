// Whether values are all finite.
#pragma once

#include "../backends/select.h"

namespace recurra {

template <class T>
bool all_finite(const T* values, Index count) {
  const T most = kernels<T>(backend()).reductions.largest(values, count);
  return most == most;
}

}  // namespace recurra
