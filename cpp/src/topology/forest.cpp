#include "recurra/forest.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "compiled_forest.h"
#include "topology_checks.h"

namespace recurra {

namespace {

constexpr Index most_slots = 1 << 20;  // so that a wild number asks for no memory

// Children stand in the order of their slots.
void sort_by_slot(Incoming& children) {
  std::vector<std::pair<Index, Index>> sorted;  // slot and child
  for (Index v = 0; v < children.num_nodes(); ++v) {
    const std::size_t begin = std::size_t(children.begin[std::size_t(v)]), end = std::size_t(children.begin[std::size_t(v) + 1]);
    sorted.clear();
    for (std::size_t e = begin; e < end; ++e) sorted.emplace_back(children.slot[e], children.source[e]);
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (i > 0 && sorted[i].first == sorted[i - 1].first)
        throw std::invalid_argument("Forest: slot " + std::to_string(sorted[i].first) + " of node " + std::to_string(v) +
                                    " is taken twice, expected one child in a slot");
      std::tie(children.slot[begin + i], children.source[begin + i]) = sorted[i];
    }
  }
}

std::shared_ptr<const CompiledTopology> compile(Index nodes, std::span<const Index> source, std::span<const Index> target,
                                                std::span<const Index> slots, bool in_slots) {
  std::vector<Index> order;
  Incoming children = by_target(nodes, source, target, order);
  if (!in_slots) return CompiledForest::make(std::move(children), false);
  for (const Index e : order) children.slot.push_back(slots[std::size_t(e)]);
  sort_by_slot(children);
  return CompiledForest::make(std::move(children), true);
}

std::shared_ptr<const CompiledTopology> compile_trees(const std::vector<Index>& parents, const std::vector<Index>& slots) {
  if (!slots.empty()) check_count("Forest", "slots", slots.size(), parents.size());
  std::vector<Index> source, target, slot;
  for (std::size_t v = 0; v < parents.size(); ++v) {
    check_entry("Forest", "parents", v, parents[v], -1, Index(parents.size()) - 1);
    if (parents[v] < 0) continue;
    source.push_back(Index(v));
    target.push_back(parents[v]);
    if (slots.empty()) continue;
    check_entry("Forest", "slots", v, slots[v], 0, most_slots - 1);
    slot.push_back(slots[v]);
  }
  return compile(Index(parents.size()), source, target, slot, !slots.empty());
}

}  // namespace

Forest::Forest(std::vector<Index> parents, std::vector<Index> slots) : Topology(compile_trees(parents, slots)) {}

Forest Forest::graph(Index num_nodes, std::span<const Index> source, std::span<const Index> target,
                     std::span<const Index> slots) {
  if (num_nodes < 0) throw std::invalid_argument("Forest: num_nodes is " + std::to_string(num_nodes) + ", expected at least 0");
  check_count("Forest", "target", target.size(), source.size());
  if (!slots.empty()) check_count("Forest", "slots", slots.size(), source.size());
  for (std::size_t e = 0; e < source.size(); ++e) {
    check_entry("Forest", "source", e, source[e], 0, num_nodes - 1);
    check_entry("Forest", "target", e, target[e], 0, num_nodes - 1);
    if (!slots.empty()) check_entry("Forest", "slots", e, slots[e], 0, most_slots - 1);
  }
  return Forest(Part{compile(num_nodes, source, target, slots, !slots.empty())});
}

const CompiledForest& Forest::forest() const { return static_cast<const CompiledForest&>(*compiled()); }
Index Forest::num_edges() const { return forest().children.num_edges(); }
Index Forest::height() const { return forest().up.num_levels(); }
Index Forest::max_children() const { return forest().max_children; }
const std::vector<Index>& Forest::roots() const { return forest().roots; }
bool Forest::has_slots() const { return forest().slots; }

Forest Forest::take(std::span<const Index> trees) const { return Forest(Part{part(trees)}); }

bool Forest::operator==(const Forest& other) const {
  const Incoming &a = forest().children, &b = other.forest().children;
  return a.begin == b.begin && a.source == b.source && a.slot == b.slot;
}

}  // namespace recurra
