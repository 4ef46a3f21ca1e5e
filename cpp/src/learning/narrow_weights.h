// Weights rounded to a narrower format, in place: what a stream with such weights computes with.
#pragma once

#include "../network/model.h"
#include "recurra/stream.h"

namespace recurra {

// Rounds the matrices that a step multiplies, and tells how far each moved. Throws std::invalid_argument, and has changed
// nothing, if one is not finite.
template <class T>
std::vector<WeightError> narrow_weights(const Model<T>& model, WeightFormat format, std::vector<T>& flat);

}  // namespace recurra
