// The parameters that rest while a network learns online.
#pragma once

#include "../network/model.h"
#include "../network/shared_parameters.h"
#include "recurra/online.h"

namespace recurra {

// What the learner ties and lets rest: what the network does, and OnlineOptions::frozen. Throws std::invalid_argument for a name
// that no parameter has.
template <class T>
SharedParameters shared_online(const BasicNetwork<T>& network, const OnlineOptions& options);

// The options with all that rests in `frozen`, parameter by parameter.
template <class T>
OnlineOptions with_all_frozen(const BasicNetwork<T>& network, OnlineOptions options);

// The first layer with a parameter that is not one of these; the number of layers if there is none.
template <class T>
std::size_t first_learning_layer(const Model<T>& model, const std::vector<std::string>& frozen);

// The options for a network of this layer alone.
OnlineOptions options_of_layer(OnlineOptions options, std::size_t layer);

}  // namespace recurra
