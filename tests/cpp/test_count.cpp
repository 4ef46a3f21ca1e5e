// Operations of cells, counted by the number type that counts = counted by hand.
#include <doctest/doctest.h>

#include "backends/select.h"
#include "math/count.h"
#include "math/functions.h"
#include "problem.h"
#include "recurra/cell_registry.h"
#include "recurra/layer_spec.h"
#include "recurra/summary.h"
#include "test_cells.h"

namespace {

using namespace recurra;

CellOperations operations(const std::string& cell) { return find_cell(cell)->info.operations; }

void check(const std::string& cell, int edge, int node, int edge_back, int node_back) {
  CAPTURE(cell);
  const CellOperations counted = operations(cell);
  CHECK(counted.edge == edge);
  CHECK(counted.node == node);
  CHECK(counted.edge_back == edge_back);
  CHECK(counted.node_back == node_back);
}

}  // namespace

TEST_CASE("count: every operation once, none of what is known beforehand") {
  int n = 0;
  const Count x = Count::variable(n), y = Count::variable(n);
  const auto cost = [&](auto f) {
    n = 0;
    f();
    return n;
  };
  CHECK(cost([&] { (void)(x + y * x - x / y); }) == 4);
  CHECK(cost([&] { (void)(exp(x) + tanh(-y)); }) == 3);
  CHECK(cost([&] { (void)(max(x, y) + abs(x)); }) == 3);
  CHECK(cost([&] { (void)(1 * x + 0 * y - 0 + x / 1 + 0 / y); }) == 1);
  CHECK(cost([&] { (void)(-1 * x + (2 * Count(3) - 6)); }) == 0);
  CHECK(cost([&] { (void)((2 - Count(1)) * x); }) == 0);
  CHECK(cost([&] { (void)(2 * x); }) == 1);
  CHECK(cost([&] { (void)exp(Count(1)); }) == 0);
  CHECK(cost([&] { (void)(select(x > Count(0), Count(1), Count(0)) * y); }) == 2);  // which of the two is not known
}

TEST_CASE("count: cells by hand") {
  // h = tanh(a).  da = dh (1 - h h)
  check("Elman(activation=tanh)", 0, 1, 0, 3);
  // h = max(a, 0).  da = dh, where h > 0
  check("Elman(activation=relu)", 0, 1, 0, 2);
  // h = min(max(a, 0), 1).  da = dh, where h > 0 and h < 1
  check("Elman(activation=saturated)", 0, 2, 0, 3);
  // f, f c-.  Back: df = dm c-, dc- = dm f, da_f = df f (1 - f): 2 + 3.
  // i, g, o, c = m + i g, tanh c, h = o tanh c: 3 + 2 + 2.  Back: tanh c, do = dh tanh c, dc + dh o (1 - tanh c tanh c):
  // 1 + 1 + 5; di = dc g, dg = dc i: 2; three slopes of 2 each, and their products: 9.
  check("LSTM", 2, 7, 5, 18);
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    const CellOperations counted = operations(cell);
    CHECK(counted.node > 0);
    CHECK(counted.node < 200);
    CHECK(counted.node_back > 0);
    CHECK(counted.node_back < 500);
    CHECK((counted.edge == 0) == (counted.edge_back == 0));
  }
}

TEST_CASE("count: a layer's is its cell's, for each unit") {
  const BasicNetwork<double> network({layers::lstm(3, 7), layers::linear(7, 2)});
  const Work work = summary(network).work;
  CHECK(work.pointwise_forward[Per::step] == 9 * 7);
  CHECK(work.pointwise_training[Per::step] == (9 + 23) * 7);
  CHECK(work.forward[Per::step] == 4 * 7 * 10 + 14);
  const BasicNetwork<double> over_trees({layers::tree(layers::lstm(3, 7))});
  const Work trees = summary(over_trees).work;
  CHECK(trees.pointwise_forward[Per::step] == 7 * 7);
  CHECK(trees.pointwise_forward[Per::edge] == (2 + 1 + 1) * 7);  // f, f c; the sums of messages and of what is fed
  CHECK(trees.pointwise_training[Per::edge] == (2 + 1 + 1 + 5) * 7);
}
