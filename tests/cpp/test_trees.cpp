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

TEST_CASE("trees: a large forest, which runs in several parts on each thread, is the sum of its trees too") {
  const Net network = test::drawn_network({tree(lstm(3, 4)), linear(4, 2)}, 0.5);
  const Index nodes = 5000;
  const Forest forest = random_forest(nodes, 11);
  const Vector x = test::random_vector(1, nodes * 3), target = test::random_vector(2, nodes * 2);
  const int before = num_threads();
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    Vector gradient(network.flat().size()), sum(gradient.size());
    BasicRunner<double> runner(network), small(network);
    const double loss = runner.loss_and_gradient(over(forest, x), {target.data()}, Loss::mse, gradient.data());
    const Vector y = forward(network, over(forest, x));
    double total = 0, apart = 0;
    for (Index tree = 0; tree < forest.num_trees(); ++tree) {
      Sequences<double> one = over(forest, x);
      one.rows = &tree;
      one.batch = 1;
      Vector part(gradient.size());
      const double weight = double(forest.sizes()[std::size_t(tree)]) / double(nodes);
      total += weight * small.loss_and_gradient(one, {target.data()}, Loss::mse, part.data());
      for (std::size_t j = 0; j < part.size(); ++j) sum[j] += weight * part[j];
    }
    for (std::size_t i = 0; i < y.size(); ++i) apart += (y[i] - target[i]) * (y[i] - target[i]) / double(y.size());
    CHECK(std::abs(loss - total) < 1e-12);
    CHECK(std::abs(loss - apart) < 1e-12);
    CHECK(difference(gradient, sum) < 1e-11);
  }
  set_num_threads(before);
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

namespace {

// Trees whose children stand in some of three slots.
Forest slotted_forest(Index nodes, std::uint64_t seed) {
  Random random{seed};
  Numbers parents(static_cast<std::size_t>(nodes), -1), slots(parents.size(), 0);
  std::vector<std::vector<bool>> taken(parents.size(), std::vector<bool>(3, false));
  for (Index v = 1; v < nodes; ++v) {
    const Index p = Index(random.below(std::uint64_t(v))), slot = Index(random.below(3));
    if (taken[std::size_t(p)][std::size_t(slot)]) continue;
    taken[std::size_t(p)][std::size_t(slot)] = true;
    parents[std::size_t(v)] = p;
    slots[std::size_t(v)] = slot;
  }
  return Forest(parents, slots);
}

// An acyclic graph whose nodes have up to `most` children, some of them several parents.
Forest random_dag(Index nodes, std::uint64_t seed, Index most) {
  Random random{seed};
  Numbers source, target;
  for (Index v = 2; v < nodes; ++v)
    for (Index k = 0; k < most; ++k)
      if (const Index c = Index(random.below(std::uint64_t(v + 2))); c < v) {
        source.push_back(c);
        target.push_back(v);
      }
  return Forest::graph(nodes, source, target);
}

void check_gradient(const std::vector<LayerSpec>& specs, const Forest& forest) {
  Net network = test::drawn_network(specs, 0.5);
  const Vector x = test::random_vector(1, forest.num_nodes() * network.input_size());
  const Vector target = test::random_vector(2, forest.num_nodes() * network.output_size());
  Vector gradient(network.flat().size());
  BasicRunner<double> runner(network);
  runner.loss_and_gradient(over(forest, x), {target.data()}, Loss::mse, gradient.data());
  const Vector slope = test::central_difference(
      network.flat(), [&] { return runner.loss(over(forest, x), Target<double>{target.data()}, Loss::mse); });
  CHECK(difference(gradient, slope) < 1e-8);
}

bool reads_all_children(const CellInfo& info) {
  for (int k = 0; k < info.num_gates; ++k)
    if (info.gates[k].stage != Stage::edge && info.gates[k].recurrent == From::feed) return true;
  return false;
}

}  // namespace

TEST_CASE("trees: gradients of every cell by slot, from above, over acyclic graphs and with a tensor = central differences") {
  const Forest slotted = slotted_forest(14, 3), plain = random_forest(14, 5);
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    const CellInfo& info = find_cell(cell)->info;
    const auto net = [&](const Options& options) {  // few units: a tensor grows with their cube
      return std::vector<LayerSpec>{linear(2, 3), tree(cell_layer(cell, 3, 2), options), linear(output_size(cell, 2), 2)};
    };
    const std::string down = "down";
    const std::int64_t three = 3;
    check_gradient(net({{"direction", down}}), plain);
    check_gradient(net({{"direction", down}, {"arity", three}}), slotted);
    if (info.max_parents < 3) continue;
    check_gradient(net({{"arity", three}}), slotted);
    check_gradient(net({}), random_dag(10, 4, 3));
    check_gradient(net({{"direction", down}}), random_dag(10, 4, 3));
    check_gradient(net({{"direction", down}, {"arity", three}}), random_dag(10, 4, 3));
    if (!reads_all_children(info)) continue;
    check_gradient(net({{"bilinear", true}}), plain);
    check_gradient(net({{"arity", three}, {"bilinear", true}}), slotted);
  }
  check_gradient({tree(lstm(2, 4, {{"learned_initial_state", true}})), linear(4, 1)}, plain);
  check_gradient({tree(lstm(2, 4, {{"learned_initial_state", true}}), {{"arity", std::int64_t(3)}}), linear(4, 1)}, slotted);
  check_gradient({tree(elman(2, 4, "tanh", {{"heads", std::int64_t(2)}})), linear(4, 1)}, plain);
  check_gradient({skip({tree(gru(2, 3)), dropout(0.5)}), residual({tree(lstm(5, 5))}), linear(5, 1)}, plain);
}

TEST_CASE("trees: from above a path is the sequence the other way, with one slot the same parameters are the sequence's") {
  const Index length = 6;
  Numbers parents(length);
  std::iota(parents.begin(), parents.end(), Index(-1));  // node 0 is the root
  const Forest path(parents);
  const Vector x = test::random_vector(1, length * 3);
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    const Net sequence = test::drawn_network({cell_layer(cell, 3, 4)}, 0.5);
    const Vector flat(sequence.flat().begin(), sequence.flat().end());
    const Index width = sequence.output_size();
    Vector forwards(std::size_t(length * width)), back(forwards.size()), reversed(x.size()), turned(forwards.size());
    BasicRunner<double>(sequence).forward({x.data(), 1, length}, forwards.data());
    for (Index t = 0; t < length; ++t) std::copy_n(x.begin() + t * 3, 3, reversed.begin() + (length - 1 - t) * 3);
    BasicRunner<double>(sequence).forward({reversed.data(), 1, length}, turned.data());
    for (Index t = 0; t < length; ++t) std::copy_n(turned.begin() + t * width, width, back.begin() + (length - 1 - t) * width);
    for (const bool slots : {false, true}) {
      Options options;
      if (slots) options["arity"] = std::int64_t(1);
      CHECK(difference(forward(Net({tree(cell_layer(cell, 3, 4), options)}, flat), over(path, x)), back) < 1e-13);
      options["direction"] = std::string("down");
      CHECK(difference(forward(Net({tree(cell_layer(cell, 3, 4), options)}, flat), over(path, x)), forwards) < 1e-13);
    }
  }
}

TEST_CASE("trees: readouts of every kind have the gradients of central differences; the root's is the root's") {
  const Forest forest = random_forest(20, 5);
  const Vector x = test::random_vector(1, 20 * 3);
  for (const char* pool : {"sum", "mean", "max", "root", "gated"}) {
    CAPTURE(pool);
    const bool gated = std::string(pool) == "gated";
    Net network = test::drawn_network({tree(lstm(3, 4)), readout(pool, gated ? 3 : 0), linear(gated ? 3 : 4, 2)}, 0.5);
    const Index trees = forest.num_trees();
    const Vector target = test::random_vector(2, trees * 2);
    Vector gradient(network.flat().size()), y(std::size_t(trees * 2));
    BasicRunner<double> runner(network);
    runner.loss_and_gradient(over(forest, x), {target.data()}, Loss::mse, gradient.data());
    const Vector slope = test::central_difference(
        network.flat(), [&] { return runner.loss(over(forest, x), Target<double>{target.data()}, Loss::mse); });
    CHECK(difference(gradient, slope) < 1e-8);
    if (std::string(pool) != "root") continue;
    const Net by_node({tree(lstm(3, 4)), linear(4, 2)}, Vector(network.flat().begin(), network.flat().end()));
    const Vector all = forward(by_node, over(forest, x));
    runner.forward(over(forest, x), y.data());
    for (Index t = 0; t < trees; ++t) CHECK(y[std::size_t(2 * t)] == all[std::size_t(2 * forest.roots()[std::size_t(t)])]);
  }
}

TEST_CASE("trees: a chain and a star of 100,000 nodes") {
  const Index many = 100000;
  Numbers chain(many), star(many, 0);
  std::iota(chain.begin(), chain.end(), Index(-1));
  star[0] = -1;
  const Net network = test::drawn_network({tree(lstm(1, 2)), linear(2, 1)}, 0.3);
  const Vector x(many, 0.1), target(many, 0.0);
  Vector gradient(network.flat().size());
  for (const Numbers& parents : {chain, star}) {
    const Forest forest(parents);
    CHECK(std::isfinite(
        BasicRunner<double>(network).loss_and_gradient(over(forest, x), {target.data()}, Loss::mse, gradient.data())));
  }
  // The chain is the sequence from its last node to its first, over that long a way.
  const Net over_time({lstm(1, 2), linear(2, 1)}, Vector(network.flat().begin(), network.flat().end()));
  const Vector varied = test::random_vector(3, many), reversed(varied.rbegin(), varied.rend());
  const Vector along = forward(network, over(Forest(chain), varied)), y_reversed = forward(over_time, {reversed.data(), 1, many});
  CHECK(difference(along, Vector(y_reversed.rbegin(), y_reversed.rend())) < 1e-12);
  // All leaves are alike: the star's root reads 99,999 times the same.
  const Vector y = forward(network, over(Forest(star), x)), leaf = forward(network, over(Forest(Numbers{-1}), Vector{0.1}));
  CHECK(std::abs(y[7] - leaf[0]) < 1e-14);
}

TEST_CASE("trees: masks of dropout do not depend on the threads") {
  const Net network = test::drawn_network(
      {linear(3, 32), dropout(0.3), tree(lstm(32, 32)), dropout(0.3, true), readout("mean"), dropout(0.2), linear(32, 1)}, 0.3);
  const Forest forest = random_forest(400, 6);
  const Vector x = test::random_vector(1, 400 * 3), target(std::size_t(forest.num_trees()), 0.5);
  RunOptions training;
  training.training = true;
  training.noise = 5;
  const int before = num_threads();
  Vector losses;
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    losses.push_back(
        BasicRunner<double>(network).loss(over(forest, x), Target<double>{target.data()}, Loss::mse, nullptr, training));
  }
  set_num_threads(before);
  CHECK(std::abs(losses[0] - losses[1]) < 1e-14);
  CHECK(std::abs(losses[0] - BasicRunner<double>(network).loss(over(forest, x), Target<double>{target.data()}, Loss::mse)) >
        1e-6);
}

TEST_CASE("trees: slots beyond the arity are refused wherever they stand, and before anything has changed") {
  const Numbers source{0, 0}, target{1, 2}, slots{7, 0};
  const Forest shared = Forest::graph(3, source, target, slots);
  const Vector x(9, 0.5), wanted(9, 0.1);
  const Net down({tree(lstm(3, 3), {{"arity", std::int64_t(2)}, {"direction", std::string("down")}})});
  CHECK_THROWS_WITH_AS(forward(down, over(shared, x)), "Tree: node 0 reads from slot 7, expected 0 .. 1 for arity 2",
                       std::invalid_argument);
  // The last of three trees has a third child: nothing is learned from the others first.
  const Forest forest({-1, -1, 5, 5, 5, -1});
  Net network({tree(lstm(3, 3), {{"arity", std::int64_t(2)}})});
  const Vector before(network.flat().begin(), network.flat().end()), many(18, 0.5);
  FitOptions options;
  options.batch_size = 1;
  options.shuffle = false;
  options.epochs = 1;
  const Data<double> data{over(forest, many), {many.data()}};
  CHECK_THROWS_WITH_AS(fit<double>(network, data, nullptr, options),
                       "Tree: node 5 reads from slot 2, expected 0 .. 1 for arity 2", std::invalid_argument);
  CHECK(difference(network.flat(), before) == 0);
  const Net plain({linear(3, 3)});
  Vector gradient(plain.flat().size());
  CHECK_THROWS_WITH_AS(online_gradient(plain, over(forest, many), {many.data()}, Loss::mse, Rtrl{}, gradient.data()),
                       "loss_and_gradient by an online rule: got trees, expected sequences", std::invalid_argument);
  CHECK(difference(forward(plain, over(forest, many)), forward(plain, {many.data(), 1, 6})) ==
        0);  // layers without time take both
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
