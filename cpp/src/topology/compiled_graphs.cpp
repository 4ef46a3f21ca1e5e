#include "compiled_graphs.h"

namespace recurra {

CompiledGraphs::CompiledGraphs(std::vector<Index> graph_of, Index graphs, Incoming incoming, Edges carried)
    : CompiledTopology(std::move(graph_of), graphs),
      edges(std::move(incoming)),
      num_features(carried.num_features),
      features(std::move(carried.features)),
      weights(std::move(carried.weights)),
      types(std::move(carried.types)),
      nodes_(Schedule::sequences(num_nodes(), 1)) {}

std::uint64_t CompiledGraphs::fingerprint() const {
  const std::uint64_t graphs = mix_all(mix_all(mix_all(2, sizes), edges.begin), edges.source);
  return mix_all(mix_all(mix_all(graphs, features), types), weights);
}

std::shared_ptr<const CompiledTopology> CompiledGraphs::taken(const std::vector<Index>& structures) const {
  std::vector<Index> order, graph_of;
  Incoming part = taken_edges(*this, edges, structures, order);
  for (std::size_t i = 0; i < structures.size(); ++i)
    graph_of.insert(graph_of.end(), std::size_t(sizes[std::size_t(structures[i])]), Index(i));
  return std::make_shared<CompiledGraphs>(std::move(graph_of), Index(structures.size()), std::move(part),
                                          in_order({{}, {}, features, num_features, types, weights}, order));
}

Edges in_order(const Edges& all, const std::vector<Index>& order) {
  Edges some;
  some.num_features = all.num_features;
  for (const Index e : order) {
    const auto row = all.features.begin() + e * all.num_features;
    if (!all.features.empty()) some.features.insert(some.features.end(), row, row + all.num_features);
    if (!all.types.empty()) some.types.push_back(all.types[std::size_t(e)]);
    if (!all.weights.empty()) some.weights.push_back(all.weights[std::size_t(e)]);
  }
  return some;
}

}  // namespace recurra
