// Layers from their descriptions.
#pragma once

#include <memory>

#include "layer.h"
#include "recurra/layer_spec.h"

namespace recurra {

// `position` is the layer's place in its network, `features` what the layer before gives (0 for the first layer).
// Throws std::invalid_argument for an unknown type, an unknown, missing or wrong option.
template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerSpec& spec, Index position, Index features);

}  // namespace recurra
