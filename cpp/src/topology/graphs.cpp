#include "recurra/graphs.h"

#include <cmath>

#include "compiled_graphs.h"
#include "topology_checks.h"

namespace recurra {

namespace {

std::vector<Index> graph_of_nodes(const std::vector<Index>& sizes) {
  std::vector<Index> graph_of;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    check_entry("Graphs", "sizes", i, sizes[i], 0, Index(1) << 40);
    graph_of.insert(graph_of.end(), std::size_t(sizes[i]), Index(i));
  }
  return graph_of;
}

void check_finite(const char* name, const std::vector<double>& values, Index width) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw std::invalid_argument("Graphs: " + std::string(name) + " has the non-finite value " + std::to_string(values[i]) +
                                  " at edge " + std::to_string(Index(i) / width) + ", expected finite values");
}

void check_edges(const Edges& edges, const std::vector<Index>& graph_of) {
  const std::size_t count = edges.source.size();
  check_count("Graphs", "target", edges.target.size(), count);
  for (std::size_t e = 0; e < count; ++e) {
    check_entry("Graphs", "source", e, edges.source[e], 0, Index(graph_of.size()) - 1);
    check_entry("Graphs", "target", e, edges.target[e], 0, Index(graph_of.size()) - 1);
    const Index from = graph_of[std::size_t(edges.source[e])], to = graph_of[std::size_t(edges.target[e])];
    if (from != to)
      throw std::invalid_argument("Graphs: edge " + std::to_string(e) + " leads from graph " + std::to_string(from) +
                                  " to graph " + std::to_string(to) + ", expected both ends in one graph");
  }
  const Index width = edges.num_features;
  Index values = 0;
  if (width < 0 || __builtin_mul_overflow(Index(count), width, &values) || values != Index(edges.features.size()))
    throw std::invalid_argument("Graphs: num_features is " + std::to_string(width) + " and features has " +
                                std::to_string(edges.features.size()) + " values, expected edges * num_features");
  check_finite("features", edges.features, edges.num_features);
  if (!edges.types.empty()) check_count("Graphs", "types", edges.types.size(), count);
  for (std::size_t e = 0; e < edges.types.size(); ++e) check_entry("Graphs", "types", e, edges.types[e], 0, Index(1) << 40);
  if (!edges.weights.empty()) check_count("Graphs", "weights", edges.weights.size(), count);
  check_finite("weights", edges.weights, 1);
}

std::shared_ptr<const CompiledTopology> compile(const std::vector<Index>& sizes, const Edges& edges) {
  std::vector<Index> graph_of = graph_of_nodes(sizes), order;
  check_edges(edges, graph_of);
  Incoming incoming = by_target(Index(graph_of.size()), edges.source, edges.target, order);
  return std::make_shared<CompiledGraphs>(std::move(graph_of), Index(sizes.size()), std::move(incoming), in_order(edges, order));
}

}  // namespace

Graphs::Graphs(const std::vector<Index>& sizes, const Edges& edges) : Topology(compile(sizes, edges)) {}

const CompiledGraphs& Graphs::graphs() const { return static_cast<const CompiledGraphs&>(*compiled()); }
Index Graphs::num_edges() const { return graphs().edges.num_edges(); }
Graphs Graphs::take(std::span<const Index> some) const { return Graphs(Part{part(some)}); }

bool Graphs::operator==(const Graphs& other) const {
  const CompiledGraphs &a = graphs(), &b = other.graphs();
  return a.sizes == b.sizes && a.num_features == b.num_features && a.edges.begin == b.edges.begin &&
         a.edges.source == b.edges.source && a.features == b.features && a.types == b.types && a.weights == b.weights;
}

}  // namespace recurra
