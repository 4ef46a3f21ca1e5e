// The losses on one row of outputs.
#pragma once

#include "recurra/loss.h"

namespace recurra {

// The row's loss times `scale`; its cotangent goes to dy (null: not wanted).
template <class T>
double mse_row(const T* y, const T* target, Index width, double scale, T* dy);
template <class T>
double cross_entropy_row(const T* y, std::int64_t target, Index width, double scale, T* dy);

}  // namespace recurra
