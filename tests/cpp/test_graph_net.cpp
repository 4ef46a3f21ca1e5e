// Networks over graphs: gradients of every message, aggregation and cell = central differences; a directed path is a GRU
// unrolled; numbers of nodes and edges do not matter; a batch is its graphs one by one.
#include <doctest/doctest.h>

#include <numeric>

#include "online_problem.h"
#include "recurra/recurra.h"
#include "recurra/threads.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;
using Vector = std::vector<double>;
using Numbers = std::vector<Index>;
using Net = BasicNetwork<double>;

// Graphs of these sizes with about `degree` edges to a node, loops and double edges among them, two features, three types,
// weights.
struct Problem {
  Numbers sizes;
  Edges edges;
  Index nodes;
  explicit Problem(Numbers counts, std::uint64_t seed = 1, double degree = 2.5)
      : sizes(std::move(counts)), nodes(std::accumulate(sizes.begin(), sizes.end(), Index(0))) {
    Random random{seed};
    Index first = 0;
    for (const Index size : sizes) {
      for (Index e = 0; e < Index(degree * double(size)); ++e) {
        edges.source.push_back(first + Index(random.below(std::uint64_t(size))));
        edges.target.push_back(first + Index(random.below(std::uint64_t(size))));
        edges.types.push_back(Index(random.below(3)));
      }
      first += size;
    }
    edges.num_features = 2;
    edges.features = test::random_vector(seed + 1, 2 * Index(edges.source.size()));
    edges.weights = test::random_vector(seed + 2, Index(edges.source.size()));
  }
  Graphs graphs() const { return Graphs(sizes, edges); }
};

Vector forward(const Net& network, const Topology& topology, const Vector& x) {
  const Index rows = network.pools() ? topology.num_structures() : topology.num_nodes();
  Vector y(std::size_t(rows * network.output_size()));
  BasicRunner<double>(network).forward(Sequences<double>::over(topology, x.data()), y.data());
  return y;
}

struct Learned {
  double loss;
  Vector gradient;
};
Learned learn(const Net& network, const Topology& topology, const Vector& x, const Vector& target) {
  Learned result{0, Vector(network.flat().size())};
  BasicRunner<double> runner(network);
  result.loss =
      runner.loss_and_gradient(Sequences<double>::over(topology, x.data()), {target.data()}, Loss::mse, result.gradient.data());
  return result;
}

void check_gradient(Net& network, const Topology& topology) {
  const Vector x = test::random_vector(1, topology.num_nodes() * network.input_size());
  const Vector target = test::random_vector(2, topology.num_nodes() * network.output_size());
  const Learned learned = learn(network, topology, x, target);
  BasicRunner<double> runner(network);
  const Vector slope = test::central_difference(network.flat(), [&] {
    return runner.loss(Sequences<double>::over(topology, x.data()), Target<double>{target.data()}, Loss::mse);
  });
  CHECK(difference(learned.gradient, slope) < 1e-8);
}

std::vector<LayerSpec> all_messages(Index state, Index message) {
  return {linear(state, message),
          linear(state, message, false),
          by_type(state, message, 3),
          by_type(state, message, 4, false),
          edge_net(state, message, 2),
          edge_net(state, message, 2, {linear(2, 3), tanh()}),
          mlp(state, 5, {tanh(), linear(5, message)}, 2),
          mlp(state, 5, {logistic(), linear(5, 4), relu(), linear(4, message)})};
}

}  // namespace

TEST_CASE("graph net: gradients of every message and aggregation = central differences") {
  const Graphs graphs = Problem({5, 1, 4}).graphs();
  for (const LayerSpec& message : all_messages(4, 3))
    for (const char* how : {"sum", "mean", "max"})
      for (const char* features : {"state", "input"}) {
        CAPTURE(to_string(message));
        CAPTURE(how);
        CAPTURE(features);
        const bool joins = std::string(features) == "input";
        const Options options{{"aggregation", std::string(how)}, {"features", std::string(features)}};
        Net network =
            test::drawn_network({linear(2, 3), graph_net(gru(joins ? 6 : 3, 4), message, 3, options), linear(4, 2)}, 0.5);
        check_gradient(network, graphs);
      }
}

TEST_CASE("graph net: gradients with attention, and of rounds with messages of their own") {
  const Graphs graphs = Problem({5, 1, 4}).graphs();
  for (const LayerSpec& message : all_messages(4, 3)) {
    CAPTURE(to_string(message));
    Net attends = test::drawn_network({linear(2, 3), graph_net(gru(3, 4), message, 2, {{"attention", true}}), linear(4, 2)}, 0.5);
    check_gradient(attends, graphs);
    if (message.type == "MLP") continue;
    Net apart = test::drawn_network({linear(2, 3), graph_net(gru(3, 4), message, 3, {{"shared", false}}), linear(4, 2)}, 0.5);
    check_gradient(apart, graphs);
  }
}

TEST_CASE("graph net: gradients of every cell = central differences, stages too") {
  const Graphs graphs = Problem({4, 3}).graphs();
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    Net network = test::drawn_network(
        {graph_net(cell_layer(cell, 5, 4), linear(output_size(cell, 4), 3), 3, {{"features", std::string("input")}})}, 0.5);
    check_gradient(network, graphs);
  }
  Net stages = test::drawn_network(
      {graph_net(lstm(3, 4, {{"layer_norm", true}, {"zoneout_c", 0.2}, {"projection", std::int64_t(3)}}), linear(3, 3), 2)}, 0.5);
  check_gradient(stages, graphs);
  Net learned = test::drawn_network(
      {graph_net(lstm(5, 4, {{"learned_initial_state", true}}), linear(4, 3), 2, {{"features", std::string("input")}})}, 0.5);
  check_gradient(learned, graphs);
}

TEST_CASE("graph net: on a directed path the last node's state is that of a GRU over what comes down the path") {
  // Each node hears from the one before it alone, with the message A h; with the state's features zero but for the first.
  const Index length = 6, units = 4;
  Edges path;
  for (Index v = 0; v + 1 < length; ++v) {
    path.source.push_back(v);
    path.target.push_back(v + 1);
  }
  const Net network = test::drawn_network({graph_net(gru(units, units), linear(units, units, false), 1)}, 0.5);
  const Vector x = test::random_vector(3, length * units), y = forward(network, Graphs({length}, path), x);
  // One round: h_v = GRU(A x_{v-1}, x_v). A GRU of the same parameters takes that step from the state x_v.
  Net cell({gru(units, units)});
  std::copy_n(network.flat().begin(), cell.flat().size(), cell.flat().begin());
  const auto a = network.flat().subspan(std::size_t(cell.flat().size()));
  for (Index v = 0; v < length; ++v) {
    Vector message(std::size_t(units), 0.0), out(std::size_t(units), 0.0);
    for (Index i = 0; v > 0 && i < units; ++i)
      for (Index j = 0; j < units; ++j)
        message[std::size_t(i)] += a[std::size_t(i * units + j)] * x[std::size_t((v - 1) * units + j)];
    BasicState<double> state(cell, 1);
    std::copy_n(x.begin() + v * units, units, state.row(0).begin());
    BasicRunner<double>(cell).forward({message.data(), 1, 1}, out.data(), &state);
    CHECK(difference(out, Vector(y.begin() + v * units, y.begin() + (v + 1) * units)) < 1e-13);
  }
}

TEST_CASE("graph net: a round is one more step of the path") {
  // R rounds reach R edges: what the node that far away does is seen, one further on not.
  const Index length = 5;
  Edges path;
  for (Index v = 0; v + 1 < length; ++v) {
    path.source.push_back(v);
    path.target.push_back(v + 1);
  }
  const Graphs graphs({length}, path);
  for (Index rounds = 1; rounds < length; ++rounds) {
    const Net network = test::drawn_network({graph_net(gru(3, 3), linear(3, 3), rounds)}, 0.5);
    Vector x = test::random_vector(3, length * 3);
    const Vector before = forward(network, graphs, x);
    x[0] += 1;
    const Vector after = forward(network, graphs, x);
    for (Index v = 0; v < length; ++v) {
      double moved = 0;
      for (Index j = 0; j < 3; ++j) moved += std::abs(after[std::size_t(v * 3 + j)] - before[std::size_t(v * 3 + j)]);
      CHECK((moved > 1e-9) == (v <= rounds));
    }
  }
}

TEST_CASE("graph net: numbers of nodes and edges do not matter; a batch is its graphs one by one, whatever the threads") {
  const Problem problem({6, 3, 0, 5}, 4);
  const Graphs graphs = problem.graphs();
  const Vector x = test::random_vector(1, problem.nodes * 3);
  for (const char* pool : {"sum", "mean", "max", "gated"})
    for (const LayerSpec& message : all_messages(16, 3)) {
      CAPTURE(to_string(message));
      const Net network = test::drawn_network(
          {graph_net(lstm(3, 16), message, 3, {{"input_size", std::int64_t(3)}}),
           readout(pool, std::string(pool) == "gated" ? 5 : 0), linear(std::string(pool) == "gated" ? 5 : 16, 2)},
          0.3);
      const Vector y = forward(network, graphs, x);
      // Nodes turned round within their graph, edges in another order.
      Problem moved = problem;
      Vector moved_x(x.size());
      Numbers place;
      for (Index first = 0; const Index size : problem.sizes) {
        for (Index i = 0; i < size; ++i) place.push_back(first + (i + 2) % size);
        first += size;
      }
      for (std::size_t v = 0; v < place.size(); ++v) std::copy_n(x.begin() + Index(v) * 3, 3, moved_x.begin() + place[v] * 3);
      const std::size_t count = problem.edges.source.size();
      for (std::size_t e = 0; e < count; ++e) {
        const std::size_t from = (e * 7 + 3) % count;
        REQUIRE(count % 7 != 0);
        moved.edges.source[e] = place[std::size_t(problem.edges.source[from])];
        moved.edges.target[e] = place[std::size_t(problem.edges.target[from])];
        moved.edges.types[e] = problem.edges.types[from];
        moved.edges.weights[e] = problem.edges.weights[from];
        std::copy_n(problem.edges.features.begin() + Index(from) * 2, 2, moved.edges.features.begin() + Index(e) * 2);
      }
      CHECK(difference(forward(network, moved.graphs(), moved_x), y) < 1e-12);
      const Vector target = test::random_vector(2, 4 * 2);
      const Learned all = learn(network, graphs, x, target);
      Vector sum(all.gradient.size());
      double loss = 0;
      for (Index g = 0; g < 4; ++g) {
        const Numbers one{g}, nodes = graphs.nodes(one);
        if (nodes.empty()) continue;  // no row of its own counts
        Vector own;
        for (const Index v : nodes) own.insert(own.end(), x.begin() + v * 3, x.begin() + v * 3 + 3);
        const Graphs alone = graphs.take(one);
        CHECK(difference(forward(network, alone, own), Vector(y.begin() + g * 2, y.begin() + g * 2 + 2)) < 1e-13);
        const Learned part = learn(network, alone, own, {target.begin() + g * 2, target.begin() + g * 2 + 2});
        loss += part.loss / 3;
        for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += part.gradient[j] / 3;
      }
      CHECK(std::abs(all.loss - loss) < 1e-13);
      CHECK(difference(all.gradient, sum) < 1e-12);
    }
}

TEST_CASE("graph net: what does not fit is refused") {
  const auto refuse = [](std::vector<LayerSpec> specs, const char* text) {
    CHECK_THROWS_WITH_AS(Net(std::move(specs)), doctest::Contains(text), std::invalid_argument);
  };
  refuse({graph_net(gru(3, 4), linear(5, 3), 2)}, "expects 5 features, got 4 from the cell");
  refuse({graph_net(gru(2, 4), linear(4, 3), 2)}, "has input_size = 2, expected the message's, 3");
  refuse({graph_net(gru(3, 4), linear(4, 3), 2, {{"features", std::string("input")}})},
         "has input_size = 3, expected the message's 3 and the nodes' features");
  refuse({graph_net(linear(3, 4), linear(4, 3), 2)}, "is no cell, expected one in a GraphNet");
  refuse({graph_net(gru(3, 4), tanh(), 2)}, "is no message, expected Linear, ByType, EdgeNet or MLP");
  refuse({graph_net(gru(3, 4), linear(4, 3), 0)}, "has rounds = 0, expected at least 1");
  refuse({graph_net(gru(3, 4), linear(4, 3), 1, {{"attention", true}, {"aggregation", std::string("max")}})},
         "has attention and aggregation = 'max', expected 'sum'");
  refuse({graph_net(gru(3, 4), mlp(4, 5, {linear(5, 3)}), 2, {{"shared", false}})}, "has shared = false, expected a Linear");
  refuse({graph_net(gru(3, 4), mlp(4, 5, {gru(5, 3)}), 2)}, "expected layers that take one edge at a time");
  refuse({graph_net(gru(3, 4), linear(4, 3), 1, {{"input_size", std::int64_t(5)}})},
         "has 5 features of a node, expected at most");
  refuse({graph_net(gru(3, 4), linear(4, 3), 1), gru(4, 2)}, "runs over sequences, got graphs from");
  refuse({graph_net(gru(3, 4), linear(4, 3), 1), readout("root")}, "runs over trees, got graphs from");
  refuse({by_type(3, 4, 2)}, "is a message, expected it inside a GraphNet");
  refuse({bidirectional(graph_net(gru(3, 4), linear(4, 3), 1))}, "has a layer inside that runs over graphs, expected sequences");

  Problem problem({4});
  const auto run = [&](const LayerSpec& message, const char* text) {
    const Net network({graph_net(gru(3, 4), message, 1)});
    CHECK_THROWS_WITH_AS(forward(network, problem.graphs(), Vector(16)), text, std::invalid_argument);
  };
  run(by_type(4, 3, 2), "GraphNet: the edges have type 2, expected 0 .. 1");
  run(edge_net(4, 3, 5), "GraphNet: the edges have 2 features, expected 5");
  problem.edges.types.clear();
  run(by_type(4, 3, 2), "GraphNet: the edges have no types, expected 0 .. 1 for ByType");
  const Net network({graph_net(gru(3, 4), linear(4, 3), 1)});
  CHECK_THROWS_WITH_AS(forward(network, Forest(Numbers{-1, 0}), Vector(8)),
                       "forward: got trees, expected graphs, which the network runs over", std::invalid_argument);
  const Vector x(8);
  Vector y(8);
  CHECK_THROWS_WITH_AS(BasicRunner<double>(network).forward({x.data(), 1, 2}, y.data()),
                       "forward: got sequences, expected graphs, which the network runs over", std::invalid_argument);
  CHECK_THROWS_WITH_AS(BasicStream<double>{network},
                       "Stream: the network runs over graphs, expected one that runs over sequences", std::invalid_argument);
}

TEST_CASE("graph net: masks of layers over edges do not depend on threads, nor on the graphs beside") {
  const Problem problem({200, 7, 150}, 3);
  const Vector x = test::random_vector(1, problem.nodes * 3);
  RunOptions training;
  training.training = true;
  training.noise = 5;
  for (const LayerSpec& message :
       {edge_net(16, 3, 2, {linear(2, 8), dropout(0.5)}), mlp(16, 8, {dropout(0.5), linear(8, 3)}, 2)}) {
    const Net network =
        test::drawn_network({graph_net(lstm(3, 16), message, 2, {{"input_size", std::int64_t(3)}}), readout("mean")}, 0.3);
    const Graphs graphs = problem.graphs();
    const Vector target(3 * 16, 0.5);
    const int before = num_threads();
    Vector losses;
    for (const int threads : {1, 2, 1}) {
      set_num_threads(threads);
      losses.push_back(BasicRunner<double>(network).loss(Sequences<double>::over(graphs, x.data()), Target<double>{target.data()},
                                                         Loss::mse, nullptr, training));
    }
    set_num_threads(before);
    CHECK(std::abs(losses[0] - losses[1]) < 1e-13);
    CHECK(losses[0] == losses[2]);
    CHECK(std::abs(losses[0] - BasicRunner<double>(network).loss(Sequences<double>::over(graphs, x.data()),
                                                                 Target<double>{target.data()}, Loss::mse)) > 1e-9);
  }
}

TEST_CASE("graph net: sizes that no memory holds are refused before any is spent") {
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  const auto refuse = [](const LayerSpec& message, std::int64_t rounds, const Options& options, const char* text) {
    CHECK_THROWS_WITH_AS(Net({graph_net(gru(3, 4), message, rounds, options)}), doctest::Contains(text), std::invalid_argument);
  };
  refuse(edge_net(4, 3, huge), 1, {}, "expected at most");
  refuse(mlp(4, 5, {linear(5, 3)}, huge), 1, {}, "expected at most");
  refuse(mlp(4, std::int64_t(1) << 39, {tanh()}, std::int64_t(1) << 39), 1, {}, "sizes whose product overflows");
  refuse(by_type(4, 3, huge), 1, {}, "expected at most");
  refuse(linear(4, 3), 1500000, {{"shared", false}}, "has rounds = 1500000, expected at most 65536");
  Edges wide{{0, 0, 0, 0}, {1, 1, 1, 1}, {1, 2, 3, 4}, (Index(1) << 62) + 1};
  CHECK_THROWS_WITH_AS(Graphs({2}, wide), doctest::Contains("expected edges * num_features"), std::invalid_argument);
  Edges large{{0}, {1}, {1e300}, 1};
  const BasicNetwork<float> network({graph_net(gru(3, 4), edge_net(4, 3, 1), 1)});
  const std::vector<float> x(8, 0.5f);
  std::vector<float> y(8);
  const Graphs graphs({2}, large);
  CHECK_THROWS_WITH_AS(BasicRunner<float>(network).forward(Sequences<float>::over(graphs, x.data()), y.data()),
                       doctest::Contains("expected values that this dtype holds"), std::invalid_argument);
}

TEST_CASE("graph net: graphs are checked") {
  const auto refuse = [](const Numbers& sizes, const Edges& edges, const char* text) {
    CHECK_THROWS_WITH_AS(Graphs(sizes, edges), text, std::invalid_argument);
  };
  refuse({2}, {{0, 2}, {1, 1}}, "Graphs: source[1] is 2, expected 0 .. 1");
  refuse({2}, {{0}, {-1}}, "Graphs: target[0] is -1, expected 0 .. 1");
  refuse({2, 2}, {{0}, {2}}, "Graphs: edge 0 leads from graph 0 to graph 1, expected both ends in one graph");
  refuse({2}, {{0}, {1}, {1.0}, 2}, "Graphs: num_features is 2 and features has 1 values, expected edges * num_features");
  refuse({2}, {{0}, {1}, {std::nan("")}, 1}, "Graphs: features has the non-finite value nan at edge 0, expected finite values");
  refuse({2}, {{0}, {1}, {}, 0, {-1}}, "Graphs: types[0] is -1, expected 0 .. 1099511627776");
  refuse({2}, {{0}, {1}, {}, 0, {}, {1.0, 2.0}}, "Graphs: weights has 2 values, expected 1");
  const Net network({graph_net(gru(3, 4), mlp(4, 5, {linear(5, 3)}), 2), readout("mean")});
  // No node: zeros; no edge at all: each node by itself.
  const Vector lone = forward(network, Graphs({1}, {}), Vector(4));
  CHECK(difference(lone, Vector(4)) > 0.01);
  Vector expected(4, 0.0);
  expected.insert(expected.end(), lone.begin(), lone.end());
  CHECK(difference(forward(network, Graphs({0, 2}, {}), Vector(8)), expected) < 1e-15);
}
