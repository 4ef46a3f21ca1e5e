// The edges of a graph by the node that they lead to.
#pragma once

#include <span>
#include <vector>

#include "../math/isa.h"

namespace recurra {

// Node v reads from source[begin[v]] .. source[begin[v + 1] - 1], in the slots slot[begin[v]] .., if slots there are.
struct Incoming {
  std::vector<Index> begin{0}, source, slot;
  Index num_nodes() const { return Index(begin.size()) - 1; }
  Index num_edges() const { return Index(source.size()); }
};

// From edges in any order; `order` receives the number that each of the result's had. Counted and sorted, equals stay in order.
Incoming by_target(Index nodes, std::span<const Index> source, std::span<const Index> target, std::vector<Index>& order);

// The same edges by the node that they lead from. Their sources are nodes.
Incoming reversed(const Incoming& edges);

}  // namespace recurra
