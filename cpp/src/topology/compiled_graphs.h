// What Graphs are compiled to: edges by the node that receives, with what they carry in that order.
#pragma once

#include "compiled_topology.h"
#include "recurra/graphs.h"

namespace recurra {

// What these edges carry, in this order.
Edges in_order(const Edges& all, const std::vector<Index>& order);

struct CompiledGraphs final : CompiledTopology {
  // What the edges carry is in the order of `edges`.
  CompiledGraphs(std::vector<Index> graph_of, Index graphs, Incoming edges, Edges carried);

  Domain domain() const override { return Domain::graphs; }
  const Schedule& schedule() const override { return nodes_; }  // one level of all nodes

  std::uint64_t fingerprint() const override;

  const Incoming edges;
  const Index num_features;
  const std::vector<double> features, weights;
  const std::vector<Index> types;

 private:
  std::shared_ptr<const CompiledTopology> taken(const std::vector<Index>& structures) const override;
  Schedule nodes_;
};

}  // namespace recurra
