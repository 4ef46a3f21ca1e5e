// Forest: trees, or acyclic graphs, whose nodes a network runs over from the leaves to the roots or back.
#pragma once

#include "recurra/topology.h"

namespace recurra {

struct CompiledForest;

// Many trees at once; their nodes may lie in any order.
class Forest : public Topology {
 public:
  // parents[v] is the node above node v, -1: v is the root of a tree. slots[v], if given, is the place of node v among the
  // children of its parent, 0, 1, ..; a place is taken once, a root's is not read. Without slots children stand in the order of
  // their numbers. Throws std::invalid_argument for a number out of range, a cycle, two children in one slot.
  explicit Forest(std::vector<Index> parents, std::vector<Index> slots = {});

  // Acyclic graphs: edge e leads from the child source[e] up to target[e], whose slot slots[e] it takes. A node may be the child
  // of several. What hangs together is one structure (a "tree"); the nodes that are nobody's child are its roots. Throws as
  // above.
  static Forest graph(Index num_nodes, std::span<const Index> source, std::span<const Index> target,
                      std::span<const Index> slots = {});

  Index num_trees() const { return num_structures(); }
  Index num_edges() const;
  Index height() const;                     // levels: a lone node has 1, no node 0
  Index max_children() const;               // that a node has; with slots one more than the highest slot
  const std::vector<Index>& roots() const;  // nodes that are nobody's child, by number: in a forest that of tree 0, 1, ..
  const std::vector<Index>& tree_of() const { return structure_of(); }  // by node; trees are numbered by their first root
  bool has_slots() const;

  // See Topology::nodes.
  Forest take(std::span<const Index> trees) const;

  bool operator==(const Forest& other) const;  // the same edges and slots

 private:
  struct Part {
    std::shared_ptr<const CompiledTopology> compiled;
  };
  explicit Forest(Part part) : Topology(std::move(part.compiled)) {}
  const CompiledForest& forest() const;
};

}  // namespace recurra
