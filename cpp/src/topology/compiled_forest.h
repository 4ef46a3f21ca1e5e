// What a Forest is compiled to.
#pragma once

#include <mutex>

#include "recurra/forest.h"
#include "schedule.h"

namespace recurra {

struct CompiledForest {
  // `children` of each node, in the order of their slots or else of their numbers. Throws std::invalid_argument on a cycle.
  CompiledForest(Incoming children, bool slots);
  CompiledForest(const CompiledForest&) = delete;
  CompiledForest& operator=(const CompiledForest&) = delete;

  const Schedule& down() const;  // each node reads from those above it; made when it is first asked for

  const Incoming children;
  const bool slots;
  const Schedule up;  // each node reads from its children
  std::vector<Index> roots, tree_of, sizes;
  std::vector<Index> members, first_member;  // the nodes, tree after tree; where each tree begins, and the end
  std::vector<Index> rank;                   // of a node among those of its tree
  Index max_children = 0;

 private:
  mutable std::once_flag once_;
  mutable Schedule down_;
};

}  // namespace recurra
