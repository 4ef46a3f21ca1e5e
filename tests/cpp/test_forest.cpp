// Forests: what a parent array says about levels, trees, roots and slots, against plain walks over it; what is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>

#include "math/random.h"
#include "recurra/forest.h"
#include "topology/compiled_forest.h"

namespace {

const recurra::CompiledForest& compiled(const recurra::Forest& forest) {
  return static_cast<const recurra::CompiledForest&>(*forest.compiled());
}

using namespace recurra;
using Numbers = std::vector<Index>;

// Nodes in any order; about one in `rare` is a root.
Numbers random_parents(Index nodes, Index rare, std::uint64_t seed) {
  Random random{seed};
  Numbers order(static_cast<std::size_t>(nodes)), parents(order.size(), -1);
  std::iota(order.begin(), order.end(), Index(0));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  for (std::size_t i = 1; i < order.size(); ++i)
    if (random.below(std::uint64_t(rare)) > 0) parents[std::size_t(order[i])] = order[random.below(i)];
  return parents;
}

Index root_of(const Numbers& parents, Index v) {
  while (parents[std::size_t(v)] >= 0) v = parents[std::size_t(v)];
  return v;
}

// The levels of a schedule by the caller's nodes.
Numbers levels(const Schedule& schedule) {
  Numbers result(static_cast<std::size_t>(schedule.num_nodes()));
  for (Index level = 1; level <= schedule.num_levels(); ++level)
    for (Index node = schedule.first_node(level); node < schedule.first_node(level + 1); ++node)
      result[std::size_t(schedule.node_of()[std::size_t(node)])] = level;
  return result;
}

// What a node reads from, by the caller's nodes, with the slots; -1: the virtual parent.
std::vector<std::pair<Index, Index>> reads(const Schedule& schedule, Index v) {
  const auto& order = schedule.node_of();
  const std::size_t node = std::size_t(std::ranges::find(order, v) - order.begin());
  std::vector<std::pair<Index, Index>> result;
  for (Index e = schedule.edge_begin()[node]; e < schedule.edge_begin()[node + 1]; ++e) {
    const Index row = schedule.parent_row()[std::size_t(e)];
    result.emplace_back(row == 0 ? -1 : order[std::size_t(row - 1)],
                        schedule.slot().empty() ? 0 : schedule.slot()[std::size_t(e)]);
  }
  return result;
}

}  // namespace

TEST_CASE("forest: levels, trees, roots and sizes = walks over the parent array") {
  for (const auto& [nodes, rare] : {std::pair<Index, Index>{1, 2}, {40, 5}, {300, 20}, {300, 2}, {64, 1000}}) {
    const Numbers parents = random_parents(nodes, rare, std::uint64_t(nodes + rare));
    const Forest forest(parents);
    CHECK(forest.num_nodes() == nodes);
    Numbers roots, height(parents.size(), 1), depth(parents.size(), 1);
    std::map<Index, Index> size;
    for (Index v = 0; v < nodes; ++v) {
      if (parents[std::size_t(v)] < 0) roots.push_back(v);
      ++size[root_of(parents, v)];
      Index above = 1;
      for (Index p = v; p >= 0; p = parents[std::size_t(p)], ++above)
        height[std::size_t(p)] = std::max(height[std::size_t(p)], above);
      depth[std::size_t(v)] = above - 1;
    }
    CHECK(forest.roots() == roots);
    CHECK(forest.num_trees() == Index(roots.size()));
    CHECK(forest.num_edges() == nodes - Index(roots.size()));
    for (std::size_t t = 0; t < roots.size(); ++t) CHECK(forest.sizes()[t] == size[roots[t]]);
    for (Index v = 0; v < nodes; ++v) CHECK(roots[std::size_t(forest.tree_of()[std::size_t(v)])] == root_of(parents, v));
    CHECK(levels(compiled(forest).up) == height);
    CHECK(levels(compiled(forest).down()) == depth);
    CHECK(forest.height() == *std::ranges::max_element(height));
    for (Index v = 0; v < nodes; ++v) {
      std::vector<std::pair<Index, Index>> children;
      for (Index c = 0; c < nodes; ++c)
        if (parents[std::size_t(c)] == v) children.emplace_back(c, 0);
      CHECK(forest.max_children() >= Index(children.size()));
      if (children.empty()) children.emplace_back(-1, 0);
      CHECK(reads(compiled(forest).up, v) == children);
      Index place = 0;  // among the children above: without slots by number
      for (Index c = 0; c < v; ++c) place += parents[std::size_t(v)] >= 0 && parents[std::size_t(c)] == parents[std::size_t(v)];
      CHECK(reads(compiled(forest).down(), v) == std::vector<std::pair<Index, Index>>{{parents[std::size_t(v)], place}});
    }
  }
}

TEST_CASE("forest: children stand in their slots, whatever their numbers") {
  const Forest forest({-1, 0, 0, 2, 2, 0, -1}, {9, 3, 0, 1, 0, 1, 9});
  CHECK(forest.has_slots());
  CHECK(forest.max_children() == 4);
  const Schedule& up = compiled(forest).up;
  CHECK(reads(up, 0) == std::vector<std::pair<Index, Index>>{{2, 0}, {5, 1}, {1, 3}});
  CHECK(reads(up, 2) == std::vector<std::pair<Index, Index>>{{4, 0}, {3, 1}});
  CHECK(reads(compiled(forest).down(), 3) == std::vector<std::pair<Index, Index>>{{2, 1}});
  CHECK(reads(compiled(forest).down(), 1) == std::vector<std::pair<Index, Index>>{{0, 3}});
}

TEST_CASE("forest: acyclic graphs by their edges") {
  const Numbers source{1, 2, 2, 4, 6}, target{0, 0, 3, 3, 5};
  const Forest forest = Forest::graph(8, source, target);
  CHECK(forest.roots() == Numbers{0, 3, 5, 7});
  CHECK(forest.num_trees() == 3);  // 0 and 3 share a child
  CHECK(forest.tree_of() == Numbers{0, 0, 0, 0, 0, 1, 1, 2});
  CHECK(forest.sizes() == Numbers{5, 2, 1});
  CHECK(reads(compiled(forest).down(), 2) == std::vector<std::pair<Index, Index>>{{0, 1}, {3, 0}});
  Numbers parents{-1, 0, 1, 1}, from{1, 2, 3}, to{0, 1, 1};
  CHECK(Forest::graph(4, from, to) == Forest(parents));
  CHECK_FALSE(Forest::graph(4, from, to) == Forest({-1, 0, 1, 0}));
}

TEST_CASE("forest: trees taken out are those trees") {
  const Numbers parents = random_parents(120, 20, 4);
  Numbers slots(parents.size());
  for (std::size_t v = 0; v < slots.size(); ++v) slots[v] = Index(v);
  for (const Forest& forest : {Forest(parents), Forest(parents, slots)}) {
    REQUIRE(forest.num_trees() > 4);
    const Numbers trees{4, 0, 3}, nodes = forest.nodes(trees);
    const Forest taken = forest.take(trees);
    CHECK(taken.num_edges() > 3);
    CHECK(taken.num_trees() == 3);
    CHECK(taken.has_slots() == forest.has_slots());
    CHECK(taken.num_nodes() == Index(nodes.size()));
    Numbers order;
    for (const Index v : nodes) order.push_back(forest.tree_of()[std::size_t(v)]);
    Numbers expected;
    for (const Index tree : trees) expected.insert(expected.end(), std::size_t(forest.sizes()[std::size_t(tree)]), tree);
    CHECK(order == expected);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      std::vector<std::pair<Index, Index>> back;
      for (auto [child, slot] : reads(compiled(taken).up, Index(i)))
        back.emplace_back(child < 0 ? -1 : nodes[std::size_t(child)], slot);
      CHECK(back == reads(compiled(forest).up, nodes[i]));
    }
    CHECK(forest.take(Numbers{}).num_nodes() == 0);
    CHECK_THROWS_WITH_AS(forest.take(Numbers{0, 99}), doctest::Contains("Forest: tree 99 is not there, expected 0 .. "),
                         std::out_of_range);
    CHECK_THROWS_WITH_AS(forest.take(Numbers{2, 2}), "Forest: tree 2 is taken twice, expected different ones",
                         std::invalid_argument);
  }
}

TEST_CASE("forest: a chain and a star of 100,000 nodes, and nothing at all") {
  constexpr Index many = 100'000;
  Numbers chain(many), star(many, 0);
  std::iota(chain.begin(), chain.end(), Index(-1));
  star[0] = -1;
  CHECK(Forest(chain).height() == many);
  CHECK(compiled(Forest(chain)).down().num_levels() == many);
  CHECK(Forest(star).height() == 2);
  CHECK(Forest(star).max_children() == many - 1);
  const Forest none(Numbers{});
  CHECK(none.num_nodes() == 0);
  CHECK(none.num_trees() == 0);
  CHECK(none.height() == 0);
  CHECK(compiled(none).down().num_nodes() == 0);
}

TEST_CASE("forest: what is no forest is refused") {
  const auto refuse = [](const auto& make, const char* text) { CHECK_THROWS_WITH_AS(make(), text, std::invalid_argument); };
  refuse([] { Forest({-1, 5}); }, "Forest: parents[1] is 5, expected -1 .. 1");
  refuse([] { Forest({-2}); }, "Forest: parents[0] is -2, expected -1 .. 0");
  refuse([] { Forest(std::vector<Index>{0}); },
         "Forest: the edges contain a cycle, which node 0 reads from, expected an acyclic graph");
  refuse([] { Forest({-1, 2, 3, 1}); }, "Forest: the edges contain a cycle, which node 1 reads from, expected an acyclic graph");
  refuse([] { Forest({-1, 0}, {0}); }, "Forest: slots has 1 values, expected 2");
  refuse([] { Forest({-1, 0}, {0, -1}); }, "Forest: slots[1] is -1, expected 0 .. 1048575");
  refuse([] { Forest({-1, 0, 0}, {0, 1, 1}); }, "Forest: slot 1 of node 0 is taken twice, expected one child in a slot");
  refuse([] { Forest::graph(-1, {}, {}); }, "Forest: num_nodes is -1, expected at least 0");
  const Numbers one{1}, two{0, 1}, none{};
  refuse([&] { Forest::graph(2, one, two); }, "Forest: target has 2 values, expected 1");
  refuse([&] { Forest::graph(2, one, none); }, "Forest: target has 0 values, expected 1");
  refuse([&] { Forest::graph(1, one, one); }, "Forest: source[0] is 1, expected 0 .. 0");
  refuse([&] { Forest::graph(2, two, one); }, "Forest: target has 1 values, expected 2");
  refuse([&] { Forest::graph(2, one, one); },
         "Forest: the edges contain a cycle, which node 1 reads from, expected an acyclic graph");
}

TEST_CASE("forest: all trees taken in their order are numbered as their nodes") {
  const Forest forest({2, 3, -1, -1});  // 0 2 | 1 3
  const Forest all = forest.take(std::vector<Index>{0, 1});
  CHECK(all == Forest({1, -1, 3, -1}));
  CHECK(all.roots() == std::vector<Index>{1, 3});
}
