// What a Forest is compiled to.
#pragma once

#include <mutex>

#include "compiled_topology.h"
#include "recurra/forest.h"

namespace recurra {

struct CompiledForest final : CompiledTopology {
  // `children` of each node, in the order of their slots or else of their numbers. Throws std::invalid_argument on a cycle.
  static std::shared_ptr<const CompiledForest> make(Incoming children, bool slots);

  Domain domain() const override { return Domain::trees; }
  const Schedule& schedule() const override { return up; }
  std::uint64_t fingerprint() const override;
  const Schedule& down() const;  // each node reads from those above it; made when it is first asked for

  const Incoming children;
  const bool slots;
  const Schedule up;  // each node reads from its children
  const std::vector<Index> roots;
  const Index max_children;

 private:
  struct Trees;
  CompiledForest(Incoming children, bool slots, Schedule up, Trees trees);
  std::shared_ptr<const CompiledTopology> taken(const std::vector<Index>& structures) const override;
  mutable std::once_flag once_;
  mutable Schedule down_;
};

}  // namespace recurra
