// Graphs: nodes that send each other messages along edges, many graphs in one batch.
#pragma once

#include "recurra/topology.h"

namespace recurra {

struct CompiledGraphs;

// Edge e leads from source[e] to target[e]: source sends, target receives. Several edges may join two nodes, and one a node to
// itself. What edges carry, if it is given, has one entry (of features a row) for each.
struct Edges {
  std::vector<Index> source, target;
  std::vector<double> features{};  // [edges][num_features], finite
  Index num_features = 0;
  std::vector<Index> types{};     // 0, 1, ..
  std::vector<double> weights{};  // factors of the messages, finite
};

class Graphs : public Topology {
 public:
  // The nodes of graph i are sizes[i] numbers in a row, behind those of graph i - 1; edges stay within a graph. A graph without
  // nodes is one. Throws std::invalid_argument for a number out of range, an edge between two graphs, a value that is not finite.
  Graphs(const std::vector<Index>& sizes, const Edges& edges);

  Index num_graphs() const { return num_structures(); }
  Index num_edges() const;

  // See Topology::nodes.
  Graphs take(std::span<const Index> graphs) const;

  bool operator==(const Graphs& other) const;  // the same sizes and, in any order of different targets, edges

 private:
  struct Part {
    std::shared_ptr<const CompiledTopology> compiled;
  };
  explicit Graphs(Part part) : Topology(std::move(part.compiled)) {}
  const CompiledGraphs& graphs() const;
};

}  // namespace recurra
