// Layers over trees and graphs, from their descriptions.
#pragma once

#include "inner_layers.h"

namespace recurra {

template <class T>
std::unique_ptr<Layer<T>> tree(Context& context);
template <class T>
std::unique_ptr<Layer<T>> graph_net(Context& context);
template <class T>
std::unique_ptr<Layer<T>> readout(Context& context);
// Of what is no layer by itself.
template <class T>
std::unique_ptr<Layer<T>> message_alone(Context& context);

}  // namespace recurra
