#include "recurra/forest.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "compiled_forest.h"

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

struct Edge {
  Index source, target, slot;
};

// Edges by their targets, children in the order of their slots, if they have any.
Incoming by_target(Index nodes, std::vector<Edge> edges, bool slots) {
  Incoming result;
  result.begin.assign(std::size_t(nodes) + 1, 0);
  for (const Edge& e : edges) ++result.begin[std::size_t(e.target) + 1];
  for (std::size_t v = 0; v < std::size_t(nodes); ++v) result.begin[v + 1] += result.begin[v];
  std::vector<Index> next(result.begin.begin(), result.begin.end() - 1);
  std::vector<Edge> sorted(edges.size());
  for (const Edge& e : edges) sorted[std::size_t(next[std::size_t(e.target)]++)] = e;
  for (Index v = 0; slots && v < nodes; ++v) {
    const auto begin = sorted.begin() + result.begin[std::size_t(v)], end = sorted.begin() + result.begin[std::size_t(v) + 1];
    std::sort(begin, end, [](const Edge& a, const Edge& b) { return a.slot < b.slot; });
    const auto twice = std::adjacent_find(begin, end, [](const Edge& a, const Edge& b) { return a.slot == b.slot; });
    if (twice != end)
      throw std::invalid_argument("Forest: slot " + std::to_string(twice->slot) + " of node " + std::to_string(v) +
                                  " is taken twice, expected one child in a slot");
  }
  for (const Edge& e : sorted) {
    result.source.push_back(e.source);
    if (slots) result.slot.push_back(e.slot);
  }
  return result;
}

constexpr Index most_slots = 1 << 20;  // so that a wild number asks for no memory

void check_range(const char* name, std::size_t i, Index value, Index least, Index most) {
  if (value < least || value > most)
    throw std::invalid_argument("Forest: " + std::string(name) + "[" + std::to_string(i) + "] is " + std::to_string(value) +
                                ", expected " + std::to_string(least) + " .. " + std::to_string(most));
}

void check_size(const char* name, std::size_t size, std::size_t expected) {
  if (size != expected)
    throw std::invalid_argument("Forest: " + std::string(name) + " has " + std::to_string(size) + " values, expected " +
                                std::to_string(expected));
}

}  // namespace

CompiledForest::CompiledForest(Incoming edges, bool in_slots)
    : children(std::move(edges)), slots(in_slots), up(Schedule::graph(children, "Forest")) {
  const Index nodes = children.num_nodes();
  std::vector<char> is_child(std::size_t(nodes), 0);
  for (const Index v : children.source) is_child[std::size_t(v)] = true;
  const std::vector<Index> component = components(children);
  std::vector<Index> number(std::size_t(nodes), -1);  // of a component's tree
  for (Index v = 0; v < nodes; ++v) {
    if (is_child[std::size_t(v)]) continue;
    roots.push_back(v);
    Index& tree = number[std::size_t(component[std::size_t(v)])];
    if (tree < 0) {
      tree = Index(sizes.size());
      sizes.push_back(0);
    }
  }
  for (const Index c : component) {
    tree_of.push_back(number[std::size_t(c)]);
    ++sizes[std::size_t(tree_of.back())];
  }
  first_member.assign(1, 0);
  for (const Index size : sizes) first_member.push_back(first_member.back() + size);
  members.resize(std::size_t(nodes));
  std::vector<Index> seen(sizes.size(), 0);
  for (Index v = 0; v < nodes; ++v) {
    const std::size_t tree = std::size_t(tree_of[std::size_t(v)]);
    rank.push_back(seen[tree]++);
    members[std::size_t(first_member[tree] + rank.back())] = v;
  }
  for (std::size_t v = 0; v < std::size_t(nodes); ++v) {
    const Index begin = children.begin[v], end = children.begin[v + 1];
    const Index count = children.slot.empty() || begin == end ? end - begin : children.slot[std::size_t(end - 1)] + 1;
    max_children = std::max(max_children, count);
  }
}

const Schedule& CompiledForest::down() const {
  std::call_once(once_, [&] { down_ = Schedule::graph(reversed(children), "Forest"); });
  return down_;
}

Forest::Forest(std::vector<Index> parents, std::vector<Index> slots) {
  if (!slots.empty()) check_size("slots", slots.size(), parents.size());
  std::vector<Edge> edges;
  edges.reserve(parents.size());
  for (std::size_t v = 0; v < parents.size(); ++v) {
    check_range("parents", v, parents[v], -1, Index(parents.size()) - 1);
    if (parents[v] < 0) continue;
    if (!slots.empty()) check_range("slots", v, slots[v], 0, most_slots - 1);
    edges.push_back({Index(v), parents[v], slots.empty() ? 0 : slots[v]});
  }
  compiled_ =
      std::make_shared<const CompiledForest>(by_target(Index(parents.size()), std::move(edges), !slots.empty()), !slots.empty());
}

Forest Forest::graph(Index num_nodes, std::span<const Index> source, std::span<const Index> target,
                     std::span<const Index> slots) {
  if (num_nodes < 0) throw std::invalid_argument("Forest: num_nodes is " + std::to_string(num_nodes) + ", expected at least 0");
  check_size("target", target.size(), source.size());
  if (!slots.empty()) check_size("slots", slots.size(), source.size());
  std::vector<Edge> edges;
  edges.reserve(source.size());
  for (std::size_t e = 0; e < source.size(); ++e) {
    check_range("source", e, source[e], 0, num_nodes - 1);
    check_range("target", e, target[e], 0, num_nodes - 1);
    if (!slots.empty()) check_range("slots", e, slots[e], 0, most_slots - 1);
    edges.push_back({source[e], target[e], slots.empty() ? 0 : slots[e]});
  }
  Forest forest;
  forest.compiled_ =
      std::make_shared<const CompiledForest>(by_target(num_nodes, std::move(edges), !slots.empty()), !slots.empty());
  return forest;
}

Index Forest::num_nodes() const { return compiled_->children.num_nodes(); }
Index Forest::num_trees() const { return Index(compiled_->sizes.size()); }
Index Forest::num_edges() const { return Index(compiled_->children.source.size()); }
Index Forest::height() const { return compiled_->up.num_levels(); }
Index Forest::max_children() const { return compiled_->max_children; }
const std::vector<Index>& Forest::roots() const { return compiled_->roots; }
const std::vector<Index>& Forest::tree_of() const { return compiled_->tree_of; }
const std::vector<Index>& Forest::sizes() const { return compiled_->sizes; }
bool Forest::has_slots() const { return compiled_->slots; }
Index Forest::node(Index tree, Index i) const {
  return compiled_->members[std::size_t(compiled_->first_member[std::size_t(tree)] + i)];
}

std::vector<Index> Forest::nodes(std::span<const Index> trees) const {
  for (const Index tree : trees)
    if (tree < 0 || tree >= num_trees())
      throw std::out_of_range("Forest: tree " + std::to_string(tree) + " is not there, expected 0 .. " +
                              std::to_string(num_trees() - 1));
  std::vector<Index> result;
  for (const Index tree : trees)
    for (Index i = 0; i < sizes()[std::size_t(tree)]; ++i) result.push_back(node(tree, i));
  return result;
}

Forest Forest::take(std::span<const Index> trees) const {
  const std::vector<Index> taken = nodes(trees);
  std::vector<Index> sorted(trees.begin(), trees.end());
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
    throw std::invalid_argument("Forest: tree " + std::to_string(*twice) + " is taken twice, expected different trees");
  const Incoming& all = compiled_->children;
  Incoming edges;
  for (Index i = 0, begin = 0; i < Index(taken.size()); ++i) {
    const std::size_t v = std::size_t(taken[std::size_t(i)]);
    if (compiled_->rank[v] == 0) begin = i;  // a tree's first node
    for (Index e = all.begin[v]; e < all.begin[v + 1]; ++e) {
      edges.source.push_back(begin + compiled_->rank[std::size_t(all.source[std::size_t(e)])]);
      if (has_slots()) edges.slot.push_back(all.slot[std::size_t(e)]);
    }
    edges.begin.push_back(Index(edges.source.size()));
  }
  Forest forest;
  forest.compiled_ = std::make_shared<const CompiledForest>(std::move(edges), has_slots());
  return forest;
}

bool Forest::operator==(const Forest& other) const {
  const Incoming &a = compiled_->children, &b = other.compiled_->children;
  return a.begin == b.begin && a.source == b.source && a.slot == b.slot;
}

}  // namespace recurra
