// The memory of vectors, as they were allocated.
#pragma once

#include <cstddef>

namespace recurra {

template <class... Vectors>
std::size_t bytes_of(const Vectors&... vectors) {
  return (std::size_t(0) + ... + (vectors.capacity() * sizeof(typename Vectors::value_type)));
}

}  // namespace recurra
