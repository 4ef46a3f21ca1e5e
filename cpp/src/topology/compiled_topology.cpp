#include "compiled_topology.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace recurra {

bool meet(Domain a, Domain b, Domain& both) {
  if (a > b) std::swap(a, b);  // from wide to narrow
  if (!(a == b || a == Domain::any || (a == Domain::structures && b > Domain::structures))) return false;
  both = b;
  return true;
}

const char* to_string(Domain domain) {
  switch (domain) {
    case Domain::time: return "sequences";
    case Domain::structures: return "trees or graphs";
    case Domain::trees: return "trees";
    case Domain::graphs: return "graphs";
    case Domain::any: break;
  }
  return "anything";
}

CompiledTopology::CompiledTopology(std::vector<Index> by_node, Index structures)
    : structure_of(std::move(by_node)), sizes(std::size_t(structures), 0), members(structure_of.size()) {
  rank.reserve(structure_of.size());
  for (const Index s : structure_of) rank.push_back(sizes[std::size_t(s)]++);
  first_member.assign(1, 0);
  for (const Index size : sizes) first_member.push_back(first_member.back() + size);
  for (std::size_t v = 0; v < structure_of.size(); ++v)
    members[std::size_t(first_member[std::size_t(structure_of[v])] + rank[v])] = Index(v);
}

namespace {

bool counts_up(const std::vector<Index>& numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] != Index(i)) return false;
  return true;
}

}  // namespace

std::shared_ptr<const CompiledTopology> CompiledTopology::some(const std::vector<Index>& structures) const {
  return Index(structures.size()) == num_structures() && counts_up(structures) ? shared_from_this() : taken(structures);
}

std::shared_ptr<const CompiledTopology> CompiledTopology::take(const std::vector<Index>& structures) const {
  return counts_up(members) ? some(structures) : taken(structures);
}

Incoming taken_edges(const CompiledTopology& topology, const Incoming& edges, const std::vector<Index>& structures,
                     std::vector<Index>& order) {
  Incoming result;
  Index begin = 0;  // the number of a structure's first node
  for (const Index structure : structures) {
    const std::size_t s = std::size_t(structure);
    for (Index i = topology.first_member[s]; i < topology.first_member[s + 1]; ++i) {
      const std::size_t v = std::size_t(topology.members[std::size_t(i)]);
      for (Index e = edges.begin[v]; e < edges.begin[v + 1]; ++e) {
        order.push_back(e);
        result.source.push_back(begin + topology.rank[std::size_t(edges.source[std::size_t(e)])]);
        if (!edges.slot.empty()) result.slot.push_back(edges.slot[std::size_t(e)]);
      }
      result.begin.push_back(result.num_edges());
    }
    begin += topology.sizes[s];
  }
  return result;
}

Index Topology::num_nodes() const { return compiled_->num_nodes(); }
Index Topology::num_structures() const { return compiled_->num_structures(); }
const std::vector<Index>& Topology::sizes() const { return compiled_->sizes; }
const std::vector<Index>& Topology::structure_of() const { return compiled_->structure_of; }
Index Topology::node(Index structure, Index i) const {
  return compiled_->members[std::size_t(compiled_->first_member[std::size_t(structure)] + i)];
}

namespace {

std::string named(const CompiledTopology& topology) {
  return topology.domain() == Domain::trees ? "Forest: tree " : "Graphs: graph ";
}

void check_structures(const CompiledTopology& topology, std::span<const Index> structures) {
  for (const Index s : structures)
    if (s < 0 || s >= topology.num_structures())
      throw std::out_of_range(named(topology) + std::to_string(s) + " is not there, expected 0 .. " +
                              std::to_string(topology.num_structures() - 1));
}

}  // namespace

std::vector<Index> Topology::nodes(std::span<const Index> structures) const {
  check_structures(*compiled_, structures);
  std::vector<Index> result;
  for (const Index s : structures)
    for (Index i = 0; i < sizes()[std::size_t(s)]; ++i) result.push_back(node(s, i));
  return result;
}

std::shared_ptr<const CompiledTopology> Topology::part(std::span<const Index> structures) const {
  check_structures(*compiled_, structures);
  std::vector<Index> sorted(structures.begin(), structures.end());
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
    throw std::invalid_argument(named(*compiled_) + std::to_string(*twice) + " is taken twice, expected different ones");
  return compiled_->take({structures.begin(), structures.end()});
}

}  // namespace recurra
