// Rows of a matrix, and ranges of nodes, as the sweeps hand them on.
#pragma once

#include "../math/isa.h"

namespace recurra {

// Rows `stride` apart.
template <class T>
struct Rows {
  T* data;
  Index stride;
};

// Adjacent nodes.
struct NodeRange {
  Index first, count;
};

}  // namespace recurra
