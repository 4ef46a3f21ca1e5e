// Layers with layers inside, from their descriptions.
#pragma once

#include "chain.h"
#include "factory.h"
#include "option_reader.h"

namespace recurra {

// What the builders of all layer types share.
struct Context {
  const LayerSpec& spec;
  const Place& place;
  OptionReader options;

  std::string where() const { return "Network: layer " + place.path + std::to_string(place.position) + " (" + spec.type + ")"; }
  Index known_features() const {
    if (place.features == 0) options.fail("needs a layer before it that fixes the number of features");
    return place.features;
  }
};

template <class T>
std::unique_ptr<Layer<T>> bidirectional(Context& context);
template <class T>
std::unique_ptr<Layer<T>> chain(Context& context);
template <class T>
std::unique_ptr<Layer<T>> encoder_decoder(Context& context);
template <class T>
std::unique_ptr<Layer<T>> feedback(Context& context);
template <class T>
std::unique_ptr<Layer<T>> residual(Context& context);
template <class T>
std::unique_ptr<Layer<T>> skip(Context& context);

}  // namespace recurra
