// Layers from their descriptions.
#pragma once

#include <memory>

#include "layer.h"
#include "recurra/layer_spec.h"

namespace recurra {

// Where a layer stands in its network.
struct Place {
  Index position;          // in the network
  Index features;          // what the layer before gives; 0: nobody knows
  bool inside = false;     // within another layer
  bool ids = false;        // the input may be class ids
  Index memory = 0;        // how wide the outputs are that attention looks at; 0: there are none
  std::uint64_t salt = 0;  // tells the random masks of a network's layers apart
  std::string path{};      // "layer 2 (Residual), 0": for messages
};

// Its own part of a description: without the layers inside.
inline std::string describe_alone(const LayerSpec& spec) { return to_string(LayerSpec{spec.type, spec.options}); }

// Throws std::invalid_argument for an unknown type, an unknown, missing or wrong option, layers inside that do not fit.
template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerSpec& spec, const Place& place);

}  // namespace recurra
