// Networks over forests: a path is the sequence, a forest is its trees one by one, gradients are central differences.
#include <doctest/doctest.h>

#include <numeric>

#include "online_problem.h"
#include "recurra/fit.h"
#include "recurra/recurra.h"
#include "recurra/threads.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;
using Vector = std::vector<double>;
using Numbers = std::vector<Index>;
using Net = BasicNetwork<double>;

Forest random_forest(Index nodes, std::uint64_t seed, Index most = 1000) {
  Random random{seed};
  Numbers parents(static_cast<std::size_t>(nodes), -1), children(parents.size(), 0);
  for (Index v = 0; v + 1 < nodes; ++v) {  // nodes above come later
    if (random.below(6) == 0) continue;
    const Index p = v + 1 + Index(random.below(std::uint64_t(std::min<Index>(nodes - 1 - v, 9))));
    if (children[std::size_t(p)]++ < most) parents[std::size_t(v)] = p;
  }
  return Forest(parents);
}

Sequences<double> over(const Forest& forest, const Vector& x) { return Sequences<double>::over(forest, x.data()); }

Vector forward(const Net& network, const Sequences<double>& x) {
  Vector y(std::size_t((x.topology ? x.time : x.batch * x.time) * network.output_size()));
  BasicRunner<double>(network).forward(x, y.data());
  return y;
}

}  // namespace

TEST_CASE("trees: paths of any numbering are the sequences") {
  const Numbers lengths{4, 1, 6};
  const Forest forest({3, 0, -1, 7, 5, 6, 8, -1, 9, 10, -1});  // 1 0 3 7 | 2 | 4 5 6 8 9 10
  const std::vector<Numbers> paths{{2}, {1, 0, 3, 7}, {4, 5, 6, 8, 9, 10}};
  const Net network = test::drawn_network({tree(lstm(3, 4)), linear(4, 5), tree(gru(5, 3)), linear(3, 2)}, 0.5);
  const Net over_time({lstm(3, 4), linear(4, 5), gru(5, 3), linear(3, 2)}, Vector(network.flat().begin(), network.flat().end()));
  const Vector x = test::random_vector(1, 11 * 3), y = forward(network, over(forest, x));
  for (const Numbers& path : paths) {
    Vector row, expected;
    for (const Index v : path) {
      row.insert(row.end(), x.begin() + v * 3, x.begin() + v * 3 + 3);
      expected.insert(expected.end(), y.begin() + v * 2, y.begin() + v * 2 + 2);
    }
    CHECK(difference(forward(over_time, {row.data(), 1, Index(path.size())}), expected) < 1e-13);
  }
}

TEST_CASE("trees: a forest is its trees one by one, whatever the threads; loss, gradient and masks too") {
  const Net network = test::drawn_network({tree(lstm(3, 16)), linear(16, 2)}, 0.5);
  const Forest forest = random_forest(200, 3);
  REQUIRE(forest.num_trees() > 5);
  REQUIRE(forest.max_children() > 2);
  const Vector x = test::random_vector(1, 200 * 3), target = test::random_vector(2, 200 * 2);
  std::vector<std::uint8_t> mask(200);
  for (std::size_t v = 0; v < mask.size(); ++v) mask[v] = v % 3 != 0;
  const Target<double> wanted{target.data(), nullptr, mask.data()};
  Vector gradient(network.flat().size()), sum(gradient.size());
  BasicRunner<double> runner(network);
  const double loss = runner.loss_and_gradient(over(forest, x), wanted, Loss::mse, gradient.data());
  const Vector y = forward(network, over(forest, x));
  double total = 0, count = 0;
  for (Index tree = 0; tree < forest.num_trees(); ++tree) {
    const Numbers one{tree}, nodes = forest.nodes(one);
    const Forest alone = forest.take(one);
    Vector own, expected, aim;
    std::vector<std::uint8_t> counts;
    for (const Index v : nodes) {
      own.insert(own.end(), x.begin() + v * 3, x.begin() + v * 3 + 3);
      expected.insert(expected.end(), y.begin() + v * 2, y.begin() + v * 2 + 2);
      aim.insert(aim.end(), target.begin() + v * 2, target.begin() + v * 2 + 2);
      counts.push_back(mask[std::size_t(v)]);
    }
    CHECK(difference(forward(network, over(alone, own)), expected) < 1e-13);
    const double weight = double(std::accumulate(counts.begin(), counts.end(), 0));
    Vector part(gradient.size());
    const double lone = runner.loss_and_gradient(over(alone, own), {aim.data(), nullptr, counts.data()}, Loss::mse, part.data());
    total += weight * lone;
    for (std::size_t j = 0; j < part.size(); ++j) sum[j] += weight * part[j];
    count += weight;
    Sequences<double> chosen = over(forest, x);
    chosen.rows = one.data();
    chosen.batch = 1;
    Vector again(gradient.size());
    CHECK(std::abs(runner.loss_and_gradient(chosen, wanted, Loss::mse, again.data()) - lone) < 1e-13);
    CHECK(difference(again, part) < 1e-13);
  }
  for (double& value : sum) value /= count;
  CHECK(std::abs(loss - total / count) < 1e-13);
  CHECK(difference(gradient, sum) < 1e-12);
}

TEST_CASE("trees: gradients of every cell that admits them = central differences") {
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    const Index most = std::min<Index>(find_cell(cell)->info.max_parents, 1000), width = output_size(cell, 4);
    Net network = test::drawn_network({linear(2, 3), tree(cell_layer(cell, 3, 4)), linear(width, 2)}, 0.5);
    const Forest forest = random_forest(20, 5, most);
    const Vector x = test::random_vector(1, 20 * 2), target = test::random_vector(2, 20 * 2);
    Vector gradient(network.flat().size());
    BasicRunner<double> runner(network);
    runner.loss_and_gradient(over(forest, x), {target.data()}, Loss::mse, gradient.data());
    const Vector slope = test::central_difference(
        network.flat(), [&] { return runner.loss(over(forest, x), Target<double>{target.data()}, Loss::mse); });
    CHECK(difference(gradient, slope) < 1e-8);
  }
}

TEST_CASE("trees: fit in mini-batches of trees") {
  Net network = test::drawn_network({tree(lstm(3, 8)), linear(8, 1)}, 0.3);
  const Forest forest = random_forest(300, 8);
  const Vector x = test::random_vector(1, 300 * 3);
  Vector target(300);
  for (std::size_t v = 0; v < 300; ++v) target[v] = x[v * 3] > 0 ? 0.5 : -0.5;
  FitOptions options;
  options.optimizer = Adam{1e-2};
  options.epochs = 30;
  options.batch_size = 8;
  const Data<double> data{over(forest, x), {target.data()}};
  const History history = fit<double>(network, data, nullptr, options);
  CHECK(history.epochs.back().loss < 0.2 * history.epochs.front().loss);
  CHECK(evaluate(network, data, Loss::mse) < 0.05);
}

TEST_CASE("trees: what does not go with trees is refused") {
  const Forest forest = random_forest(10, 1);
  const Vector x = test::random_vector(1, 10 * 3), target(10 * 2, 0.0);
  const Net network = test::drawn_network({tree(lstm(3, 2))}, 0.5);
  Vector y(20), gradient(network.flat().size());
  BasicRunner<double> runner(network);
  const auto refuse = [&](Sequences<double> trees, const char* text, BasicState<double>* state = nullptr, Index window = 0) {
    RunOptions options;
    options.window = window;
    CHECK_THROWS_WITH_AS(runner.loss_and_gradient(trees, {target.data()}, Loss::mse, gradient.data(), state, options), text,
                         std::invalid_argument);
  };
  Sequences<double> trees = over(forest, x);
  trees.time = 9;
  refuse(trees, "loss_and_gradient: x has 9 nodes, expected those of the trees, 10");
  trees = over(forest, x);
  const Numbers lengths(10, 1), far(1, 77);
  trees.lengths = lengths.data();
  refuse(trees, "loss_and_gradient: lengths are given, expected none with trees");
  trees = over(forest, x);
  trees.rows = far.data();
  trees.batch = 1;
  CHECK_THROWS_WITH_AS(runner.forward(trees, y.data()), doctest::Contains("forward: tree 77 is not there, expected 0 .. "),
                       std::invalid_argument);
  BasicState<double> state(network, forest.num_trees());
  refuse(over(forest, x), "loss_and_gradient: a state is given, expected none with trees: they start from the initial state",
         &state);
  refuse(over(forest, x), "loss_and_gradient: a window is given, expected none with trees", nullptr, 2);
  Vector bad = x;
  bad[5 * 3 + 1] = std::numeric_limits<double>::quiet_NaN();
  refuse(over(forest, bad), "x has the non-finite value nan at (node 5, feature 1), expected finite values");
}
