// The parameters that rest while a network learns online.
#pragma once

#include <string>
#include <vector>

#include "../network/model.h"

namespace recurra {

struct FrozenRange {  // of the flat vector
  Index begin, end;
};

// Those with these names, "0.weight_ih"; a beginning up to a dot, "0", stands for all that begin so. Throws
// std::invalid_argument for a name that no parameter has.
template <class T>
std::vector<FrozenRange> frozen_ranges(const Model<T>& model, const std::vector<std::string>& names);

// The first layer with a parameter that learns; the number of layers if there is none.
template <class T>
std::size_t first_learning_layer(const Model<T>& model, const std::vector<std::string>& names);

}  // namespace recurra
