// Topology: what a network runs over instead of sequences. Structures, the trees of a Forest or the Graphs of a batch, many at
// once. Topology is data: validated and compiled once, used often. Copies share what was compiled.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace recurra {

using Index = std::ptrdiff_t;

struct CompiledTopology;

class Topology {
 public:
  Index num_nodes() const;
  Index num_structures() const;
  const std::vector<Index>& sizes() const;         // nodes of each structure
  const std::vector<Index>& structure_of() const;  // by node
  Index node(Index structure, Index i) const;      // the i-th node of a structure, by number; in range

  // The nodes of these structures: structure after structure, within one by number. Throws std::out_of_range for one that is not
  // there.
  std::vector<Index> nodes(std::span<const Index> structures) const;

  const std::shared_ptr<const CompiledTopology>& compiled() const { return compiled_; }

 protected:
  explicit Topology(std::shared_ptr<const CompiledTopology> compiled) : compiled_(std::move(compiled)) {}
  // These structures alone, none twice: node i of the result is the i-th of nodes(structures). Throws also std::invalid_argument.
  std::shared_ptr<const CompiledTopology> part(std::span<const Index> structures) const;

 private:
  std::shared_ptr<const CompiledTopology> compiled_;
};

}  // namespace recurra
