// External memories, from their descriptions.
#pragma once

#include "inner_layers.h"

namespace recurra {

template <class T>
std::unique_ptr<Layer<T>> stack_memory(Context&);
template <class T>
std::unique_ptr<Layer<T>> ntm_memory(Context&);

}  // namespace recurra
