// Graphs: a path is the sequence; nodes with several parents have the right gradients; order and numbering do not matter.
#include <doctest/doctest.h>

#include <numeric>

#include "problem.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::CellProblem;
using test::difference;
using ParentLists = std::vector<std::vector<Index>>;

// Every node beyond the first few has one to three parents, sometimes the same twice.
ParentLists random_graph(Index nodes, Index most, std::uint64_t seed) {
  Random random{seed};
  ParentLists parents(static_cast<std::size_t>(nodes));
  for (Index v = 2; v < nodes; ++v)
    for (std::uint64_t k = random.below(std::uint64_t(most)) + 1; k > 0; --k)
      parents[std::size_t(v)].push_back(Index(random.below(std::uint64_t(v))));
  return parents;
}

Index max_parents(const std::string& cell) { return find_cell(cell)->info.max_parents; }

// `values`, rows of `width` in the caller's numbering, in the order of the schedule.
std::vector<double> by_row(const Schedule& schedule, const std::vector<double>& values, Index width) {
  std::vector<double> rows;
  for (const Index v : schedule.node_of()) rows.insert(rows.end(), values.begin() + v * width, values.begin() + (v + 1) * width);
  return rows;
}

std::vector<double> by_node(const Schedule& schedule, const std::vector<double>& rows, Index width) {
  std::vector<double> values(rows.size());
  for (std::size_t i = 0; i < schedule.node_of().size(); ++i)
    std::copy_n(rows.begin() + Index(i) * width, width, values.begin() + schedule.node_of()[i] * width);
  return values;
}

struct Outcome {
  std::vector<double> states;
  test::Gradients gradients;
};

// The graph with x and the cotangents given by the caller's nodes; results by node too.
Outcome run(const std::string& cell, const ParentLists& parents, Index inputs, Index units) {
  CellProblem problem(cell, test::graph(parents), inputs, units);
  const Index width = problem.layer.layout().state_width;
  problem.x = by_row(problem.schedule, test::random_vector(50, Index(parents.size()) * inputs), inputs);
  const std::vector<double> cotangent = by_row(problem.schedule, test::random_vector(51, Index(parents.size()) * width), width);
  for (std::size_t i = 0; i < cotangent.size(); ++i)  // keeps the zeros of states that nobody sees
    if (double& d = problem.cotangent[std::size_t(width) + i]; d != 0) d = cotangent[i];
  problem.objective();
  test::Gradients gradients = problem.gradients();
  gradients.x = by_node(problem.schedule, gradients.x, inputs);
  return {by_node(problem.schedule, problem.states(), width), gradients};
}

void check_equal(const Outcome& actual, const Outcome& expected) {
  CHECK(difference(actual.states, expected.states) < 1e-12);
  CHECK(difference(actual.gradients.params, expected.gradients.params) < 1e-12);
  CHECK(difference(actual.gradients.x, expected.gradients.x) < 1e-12);
  CHECK(difference(actual.gradients.initial, expected.gradients.initial) < 1e-12);
}

}  // namespace

TEST_CASE("graph: a path is the sequence") {
  const Index time = 7;
  ParentLists path(std::size_t(time), std::vector<Index>{});
  for (Index t = 1; t < time; ++t) path[std::size_t(t)] = {t - 1};
  for (const std::string& cell : all_cells())
    for (const Index units : {5, 17}) {
      CAPTURE(cell);
      CellProblem sequence(cell, Schedule::sequences(1, time), 3, units), graph(cell, test::graph(path), 3, units);
      CHECK(difference(graph.objective(), sequence.objective()) < 1e-12);
      CHECK(difference(graph.states(), sequence.states()) < 1e-12);
      const test::Gradients actual = graph.gradients(), expected = sequence.gradients();
      CHECK(difference(actual.params, expected.params) < 1e-12);
      CHECK(difference(actual.x, expected.x) < 1e-12);
      CHECK(difference(actual.initial, expected.initial) < 1e-12);
    }
}

TEST_CASE("graph: gradients of every cell on random graphs = central differences") {
  for (const std::string& cell : all_cells())
    for (const std::uint64_t seed : {1, 2}) {
      CAPTURE(cell);
      const ParentLists parents = random_graph(12, std::min<Index>(max_parents(cell), 3), seed);
      CellProblem problem(cell, test::graph(parents), 3, 5);
      CHECK(problem.schedule.num_levels() > 2);
      problem.objective();
      const test::Gradients gradients = problem.gradients(), central = problem.central_differences();
      CHECK(difference(gradients.params, central.params) < 1e-7);
      CHECK(difference(gradients.x, central.x) < 1e-7);
      CHECK(difference(gradients.initial, central.initial) < 1e-7);
    }
}

TEST_CASE("graph: the order of a node's parents does not matter") {
  for (const std::string& cell : all_cells()) {
    if (max_parents(cell) == 1) continue;
    CAPTURE(cell);
    const ParentLists parents = random_graph(15, 3, 4);
    ParentLists reversed = parents;
    for (std::vector<Index>& list : reversed) std::reverse(list.begin(), list.end());
    CHECK(reversed != parents);
    check_equal(run(cell, reversed, 3, 5), run(cell, parents, 3, 5));
  }
}

TEST_CASE("graph: the numbering of the nodes does not matter") {
  const ParentLists parents = random_graph(15, 3, 5);
  const Schedule schedule = test::graph(parents);
  ParentLists renumbered(parents.size());  // last node first
  for (std::size_t v = 0; v < parents.size(); ++v)
    for (const Index p : parents[v]) renumbered[parents.size() - 1 - v].push_back(Index(parents.size()) - 1 - p);
  const Schedule other = test::graph(renumbered);
  REQUIRE(other.num_levels() == schedule.num_levels());
  for (Index level = 0; level <= schedule.num_levels(); ++level) CHECK(other.size(level) == schedule.size(level));

  // The states of a node are those of its new number.
  CellProblem one("LSTM", schedule, 3, 5), two("LSTM", other, 3, 5);
  const std::vector<double> x = test::random_vector(50, Index(parents.size()) * 3);
  std::vector<double> turned;
  for (Index v = Index(parents.size()); v-- > 0;) turned.insert(turned.end(), x.begin() + v * 3, x.begin() + v * 3 + 3);
  one.x = by_row(schedule, x, 3);
  two.x = by_row(other, turned, 3);
  one.forward();
  two.forward();
  const std::vector<double> expected = by_node(schedule, one.states(), 10), actual = by_node(other, two.states(), 10);
  for (Index v = 0; v < Index(parents.size()); ++v)
    for (Index j = 0; j < 10; ++j)
      CHECK(std::abs(actual[std::size_t((Index(parents.size()) - 1 - v) * 10 + j)] - expected[std::size_t(v * 10 + j)]) < 1e-13);
}

TEST_CASE("graph: levels hold every node after all its parents") {
  const ParentLists parents = random_graph(60, 3, 6);
  const Schedule schedule = test::graph(parents);
  CHECK(schedule.num_nodes() == 60);
  CHECK(schedule.num_roots() == 1);
  std::vector<Index> row(parents.size()), level_of(std::size_t(schedule.num_rows()));
  for (Index level = 0; level <= schedule.num_levels(); ++level)
    std::fill_n(level_of.begin() + schedule.row(level), schedule.size(level), level);
  for (std::size_t i = 0; i < parents.size(); ++i) row[std::size_t(schedule.node_of()[i])] = Index(i) + 1;
  for (std::size_t v = 0; v < parents.size(); ++v) {
    Index deepest = 0;
    std::vector<Index> expected;
    for (const Index p : parents[v]) {
      deepest = std::max(deepest, level_of[std::size_t(row[std::size_t(p)])]);
      expected.push_back(row[std::size_t(p)]);
    }
    if (expected.empty()) expected = {0};
    CHECK(level_of[std::size_t(row[v])] == deepest + 1);
    const auto begin = schedule.edge_begin()[std::size_t(row[v] - 1)], end = schedule.edge_begin()[std::size_t(row[v])];
    CHECK(std::vector<Index>(schedule.parent_row().begin() + begin, schedule.parent_row().begin() + end) == expected);
  }
  CHECK(test::graph({}).num_nodes() == 0);
}

TEST_CASE("graph: sequences keep their parents implicit") {
  const Schedule schedule = Schedule::sequences({4, 2, 2, 0});
  CHECK(schedule.num_roots() == 4);
  CHECK(schedule.num_levels() == 4);
  CHECK(schedule.num_nodes() == 8);
  CHECK_FALSE(schedule.is_uniform());
  for (Index i = 0; i < 4; ++i) CHECK(schedule.length(i) == std::vector<Index>{4, 2, 2, 0}[std::size_t(i)]);
  CHECK(Schedule::sequences(3, 2).is_uniform());
  CHECK(Schedule::sequences({0, 0}).num_levels() == 0);
}

TEST_CASE("graph: more parents than the cell takes, a cycle, and a bad index are refused") {
  CHECK_THROWS_WITH_AS(CellProblem("LSTM(peephole=current)", test::graph({{}, {0}, {0, 1}}), 3, 5),
                       "Tree: node 2 reads from 2 nodes, expected at most 1 for LSTM(peephole=current)", std::invalid_argument);
  for (const ParentLists& cyclic : {ParentLists{{0}}, ParentLists{{}, {0, 2}, {1}}, ParentLists{{1}, {2}, {0}}})
    CHECK_THROWS_WITH_AS(test::graph(cyclic), doctest::Contains("graph: the edges contain a cycle, which node "),
                         std::invalid_argument);
  CHECK_THROWS_WITH_AS(test::graph({{}, {2}}), "graph: node 1 has parent 2, expected 0 .. 1", std::invalid_argument);
  CHECK_THROWS_WITH_AS(test::graph({{-1}}), "graph: node 0 has parent -1, expected 0 .. 0", std::invalid_argument);
}
