// What a Topology is compiled to, as far as batches and readouts need to know it.
#pragma once

#include <bit>
#include <memory>

#include "../math/hash.h"
#include "recurra/topology.h"
#include "schedule.h"

namespace recurra {

// What a layer, or a network, runs over. `structures`: trees or graphs alike; `any`: steps and nodes alike.
enum class Domain { any, time, structures, trees, graphs };
// What both run over; false, and nothing written, if there is none.
bool meet(Domain a, Domain b, Domain& both);
const char* to_string(Domain domain);

struct CompiledTopology : std::enable_shared_from_this<CompiledTopology> {
  explicit CompiledTopology(std::vector<Index> structure_of, Index structures);
  CompiledTopology(const CompiledTopology&) = delete;
  CompiledTopology& operator=(const CompiledTopology&) = delete;
  virtual ~CompiledTopology() = default;

  virtual Domain domain() const = 0;
  virtual const Schedule& schedule() const = 0;   // of a network's nodes
  virtual std::uint64_t fingerprint() const = 0;  // of all that it is
  // See Topology::nodes; the structures are there, each once.
  std::shared_ptr<const CompiledTopology> take(const std::vector<Index>& structures) const;
  // The same, but nodes may have other numbers: all structures in their order are this topology itself.
  std::shared_ptr<const CompiledTopology> some(const std::vector<Index>& structures) const;

  Index num_nodes() const { return Index(structure_of.size()); }
  Index num_structures() const { return Index(sizes.size()); }
  // The number of a node of the schedule.
  Index number(Index node) const { return schedule().node_of().empty() ? node : schedule().node_of()[std::size_t(node)]; }

  const std::vector<Index> structure_of;     // by node
  std::vector<Index> sizes;                  // by structure
  std::vector<Index> members, first_member;  // the nodes, structure after structure; where each begins, and the end
  std::vector<Index> rank;                   // of a node among those of its structure

 private:
  virtual std::shared_ptr<const CompiledTopology> taken(const std::vector<Index>& structures) const = 0;
};

// Adds values to a fingerprint, one by one.
template <class V>
std::uint64_t mix_all(std::uint64_t state, const std::vector<V>& values) {
  for (const V value : values) state = mix(state, std::bit_cast<std::uint64_t>(value));
  return mix(state, values.size());
}

// The edges between the nodes of some structures, by the numbers that `take` gives them; `order` receives the number that each
// had.
Incoming taken_edges(const CompiledTopology& topology, const Incoming& edges, const std::vector<Index>& structures,
                     std::vector<Index>& order);

}  // namespace recurra
