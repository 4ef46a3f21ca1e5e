// Rows of nodes in another order: where each node stands there.
#pragma once

#include <vector>

#include "../math/isa.h"

namespace recurra {

using NodeMap = std::vector<Index>;

// Calls visit(row, mapped row) for all rows of all nodes, `seeds` of them each.
template <class Visit>
void for_each_row(const NodeMap& map, Index seeds, const Visit& visit) {
  for (std::size_t node = 0; node < map.size(); ++node)
    for (Index seed = 0; seed < seeds; ++seed) visit(Index(node) * seeds + seed, map[node] * seeds + seed);
}

}  // namespace recurra
