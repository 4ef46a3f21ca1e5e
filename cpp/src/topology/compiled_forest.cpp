#include "compiled_forest.h"

#include <algorithm>
#include <numeric>

namespace recurra {

namespace {

// What hangs together gets one number: that of its first node, found by merging the ends of each edge.
std::vector<Index> components(const Incoming& edges) {
  std::vector<Index> parent(std::size_t(edges.num_nodes()));
  std::iota(parent.begin(), parent.end(), Index(0));
  const auto find = [&](Index v) {
    while (parent[std::size_t(v)] != v) v = parent[std::size_t(v)] = parent[std::size_t(parent[std::size_t(v)])];
    return v;
  };
  for (Index v = 0; v < edges.num_nodes(); ++v)
    for (Index e = edges.begin[std::size_t(v)]; e < edges.begin[std::size_t(v) + 1]; ++e) {
      const Index a = find(v), b = find(edges.source[std::size_t(e)]);
      parent[std::size_t(std::max(a, b))] = std::min(a, b);
    }
  for (Index v = 0; v < edges.num_nodes(); ++v) parent[std::size_t(v)] = find(v);
  return parent;
}

Index most_children(const Incoming& children) {
  Index most = 0;
  for (std::size_t v = 0; v < std::size_t(children.num_nodes()); ++v) {
    const Index begin = children.begin[v], end = children.begin[v + 1];
    most = std::max(most, children.slot.empty() || begin == end ? end - begin : children.slot[std::size_t(end - 1)] + 1);
  }
  return most;
}

}  // namespace

// Trees are numbered by their first root.
struct CompiledForest::Trees {
  explicit Trees(const Incoming& children) : tree_of(components(children)) {
    std::vector<char> is_child(tree_of.size(), 0);
    for (const Index v : children.source) is_child[std::size_t(v)] = true;
    std::vector<Index> number(tree_of.size(), -1);  // of a component's tree
    for (std::size_t v = 0; v < tree_of.size(); ++v) {
      if (is_child[v]) continue;
      roots.push_back(Index(v));
      if (Index& tree = number[std::size_t(tree_of[v])]; tree < 0) tree = count++;
    }
    for (Index& tree : tree_of) tree = number[std::size_t(tree)];
  }
  std::vector<Index> tree_of, roots;
  Index count = 0;
};

CompiledForest::CompiledForest(Incoming edges, bool in_slots, Schedule schedule, Trees trees)
    : CompiledTopology(std::move(trees.tree_of), trees.count),
      children(std::move(edges)),
      slots(in_slots),
      up(std::move(schedule)),
      roots(std::move(trees.roots)),
      max_children(most_children(children)) {}

std::shared_ptr<const CompiledForest> CompiledForest::make(Incoming children, bool slots) {
  Schedule up = Schedule::graph(children, "Forest");  // first: in a cycle there is no root to be found
  Trees trees(children);
  return std::shared_ptr<const CompiledForest>(new CompiledForest(std::move(children), slots, std::move(up), std::move(trees)));
}

std::uint64_t CompiledForest::fingerprint() const {
  return mix_all(mix_all(mix_all(1, children.begin), children.source), children.slot);
}

const Schedule& CompiledForest::down() const {
  std::call_once(once_, [&] {
    Incoming edges = children;  // a node's slot is that among the children above it, in either direction
    if (!slots)
      for (Index v = 0; v < edges.num_nodes(); ++v)
        for (Index e = edges.begin[std::size_t(v)]; e < edges.begin[std::size_t(v) + 1]; ++e)
          edges.slot.push_back(e - edges.begin[std::size_t(v)]);
    down_ = Schedule::graph(reversed(edges), "Forest");
  });
  return down_;
}

std::shared_ptr<const CompiledTopology> CompiledForest::taken(const std::vector<Index>& structures) const {
  std::vector<Index> order;
  return make(taken_edges(*this, children, structures, order), slots);
}

}  // namespace recurra
