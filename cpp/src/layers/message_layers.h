// The messages of a graph network, from their descriptions.
#pragma once

#include "inner_layers.h"
#include "messages.h"

namespace recurra {

// The children of Messages in their order: `message` describes f, `net` the GraphNet around it, whose states have `state_size`
// features.
template <class T>
std::unique_ptr<Messages<T>> make_messages(Context& message, Context& net, Index state_size);

}  // namespace recurra
