// What tapes and weights say that they took = what malloc was asked for, for layers of every kind; a large batch, counted along
// straight lines, = the same laid out.
#include <doctest/doctest.h>

#include <numeric>

#include "allocations.h"
#include "learning/batch.h"
#include "learning/bptt.h"
#include "learning/shards.h"
#include "problem.h"
#include "recurra/recurra.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using Layers = std::vector<LayerSpec>;
using Net = BasicNetwork<double>;

// Wide enough that what is not counted (schedules) is nothing beside the rest, and nothing takes a large page: malloc is asked
// for whole ones.
std::vector<Layers> over_sequences() {
  std::vector<Layers> all{
      {linear(30, 40), relu(), linear(40, 10)},
      {linear(30, 40), adaptive_softmax(40, 60, {20, 35}, 2.0)},
      {embedding(50, 30), layers::dropout(0.5), linear(30, 10)},
      {lstm(30, 40), last(), linear(40, 10)},
      {gru(30, 40), mean()},
      {elman(30, 40), layers::max()},
      {lstm(30, 40, {{"layer_norm", true}, {"zoneout", 0.1}, {"recurrent_dropout", 0.1}}), linear(40, 10)},
      {lstm(30, 40, {{"projection", std::int64_t(20)}, {"learned_initial_state", true}}), linear(20, 10)},
      {bidirectional(gru(30, 20)), skip({linear(40, 20)}), linear(60, 10)},
      {residual({lstm(30, 30)}), linear(30, 10)},
      {delay(3, {{"input_size", std::int64_t(30)}}), linear(120, 20), feedback({linear(30, 10)}, 1)},
      {feedback({lstm(30 + 8, 40), stack_memory(20, 8)}, 1, 8), linear(48, 10)},
      {feedback({lstm(30 + 8, 40), ntm_memory(20, 8)}, 1, 8), linear(48, 10)},
  };
  for (const char* type : {"SRU", "LRU", "SLSTM", "ELSTM", "MinGRU"}) all.push_back({cell(type, 30, 40)});
  return all;
}

std::vector<Layers> decoding() {
  const Layers reads{embedding(50, 30), gru(30, 40)};
  const Options symbols{{"start", std::int64_t(49)}}, bridged{{"start", std::int64_t(49)}, {"bridge", "linear"}};
  return {{encoder_decoder(reads, {embedding(50, 30), gru(30, 40), linear(40, 49)}, symbols)},
          {encoder_decoder(reads, {embedding(50, 30), gru(30, 40), dot_attention(), linear(80, 49)}, symbols)},
          {encoder_decoder(reads, {embedding(50, 30), gru(30, 40), additive_attention(20), linear(80, 49)}, bridged)}};
}

std::vector<Layers> over_graphs() {
  const Options reads{{"input_size", std::int64_t(30)}};
  Options attends = reads, maximum = reads;
  attends["attention"] = true;
  maximum["aggregation"] = std::string("max");
  return {{graph_net(gru(20, 40), linear(40, 20), 3, reads)},
          {graph_net(lstm(20, 40), linear(40, 20), 3, attends), readout("gated", 200)},
          {graph_net(gru(20, 40), by_type(40, 20, 3), 2, maximum), readout("max")},
          {graph_net(gru(20, 40), edge_net(40, 20, 2, {linear(2, 5)}), 2, reads), readout("mean")},
          {graph_net(gru(20, 40), mlp(40, 30, {relu(), linear(30, 20)}, 2), 2, reads)}};
}

std::vector<Layers> over_trees() {
  return {{tree(lstm(30, 40)), readout("root")},
          {tree(lstm(30, 40), {{"arity", std::int64_t(2)}})},
          {tree(gru(30, 40), {{"direction", "down"}})},
          {tree(elman(30, 20), {{"arity", std::int64_t(2)}, {"bilinear", true}})}};
}

template <class Prepare>
void check_tapes(const Layers& layers, double least, const Prepare& prepare) {
  CAPTURE(to_string(layers.front()));
  const Net network(layers);
  for (const bool backward : {false, true}) {
    CAPTURE(backward);
    Workspace<double> workspace(*network.model());
    const test::Allocations since;
    prepare(workspace, backward);
    const double asked = double(since.bytes());
    const std::size_t counted = workspace.bytes();
    if (asked == 0) continue;  // nobody can count
    CHECK(double(counted) <= 1.001 * asked);
    CHECK(double(counted) >= least * asked);
  }
}

constexpr Index rows = 20, steps = 25, written = 30;

void prepare_sequences(Workspace<double>& workspace, bool backward) {
  workspace.prepare(Schedule::sequences(rows, steps), backward);
}
// What attention packs while it runs is allocated here, too.
void prepare_decoding(Workspace<double>& workspace, bool backward) {
  std::vector<Index> order(rows);
  std::iota(order.begin(), order.end(), Index(0));
  workspace.decode(Schedule::sequences(rows, written), order);
  prepare_sequences(workspace, backward);
}

Forest some_trees() {
  std::vector<Index> parents;
  for (Index t = 0; t < 12; ++t)
    for (Index i = 0; i < 31; ++i) parents.push_back(i == 0 ? -1 : t * 31 + (i - 1) / 2);
  return Forest(parents);
}

Graphs some_graphs() {
  Edges edges;
  Random random{3};
  for (Index e = 0; e < 500; ++e) {
    const Index graph = Index(random.below(10));
    edges.source.push_back(graph * 20 + Index(random.below(20)));
    edges.target.push_back(graph * 20 + Index(random.below(20)));
    edges.types.push_back(Index(random.below(3)));
  }
  edges.num_features = 2;
  edges.features = test::random_vector(1, 2 * Index(edges.source.size()));
  return Graphs(std::vector<Index>(10, 20), edges);
}

}  // namespace

TEST_CASE("footprint: tapes count what they allocate") {
  for (const Layers& layers : over_sequences()) check_tapes(layers, 0.98, prepare_sequences);
  const Forest forest = some_trees();
  for (const Layers& layers : over_trees())
    check_tapes(layers, 0.93, [&](Workspace<double>& w, bool backward) { w.prepare(forest.compiled(), backward); });
  const Graphs graphs = some_graphs();
  for (const Layers& layers : over_graphs())
    check_tapes(layers, 0.95, [&](Workspace<double>& w, bool backward) { w.prepare(graphs.compiled(), backward); });
}

TEST_CASE("footprint: of attention, what it packs while it runs is part of the count") {
  for (const Layers& layers : decoding()) {
    CAPTURE(to_string(layers.front()));
    const Net network(layers);
    Workspace<double> workspace(*network.model());
    ModelWeights<double> weights(*network.model());
    weights.refresh(*network.model(), network.flat().data());
    const test::Allocations since;
    prepare_decoding(workspace, true);
    forward(weights, workspace, workspace.schedule().all_levels());
    const double asked = double(since.bytes()), counted = double(workspace.bytes());
    if (asked == 0) continue;
    CHECK(counted <= 1.001 * asked);
    CHECK(counted >= 0.97 * asked);
  }
}

TEST_CASE("footprint: weights count what they allocate") {
  std::vector<Layers> all = over_sequences();
  for (const auto& more : {over_graphs(), over_trees(), decoding()}) all.insert(all.end(), more.begin(), more.end());
  for (const Layers& layers : all) {
    CAPTURE(to_string(layers.front()));
    const Net network(layers);
    ModelWeights<double> weights(*network.model());
    const test::Allocations since;
    weights.refresh(*network.model(), network.flat().data());
    const double asked = double(since.bytes());
    double counted = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) counted += double(weights[i].bytes());
    if (asked == 0) continue;
    CHECK(counted <= asked);
    CHECK(counted >= 0.95 * asked);
  }
}

TEST_CASE("footprint: streams count what they allocate") {
  for (const WeightFormat format : {WeightFormat::full, WeightFormat::bfloat16, WeightFormat::int8}) {
    const BasicNetwork<float> network({lstm(30, 40), gru(40, 60), linear(60, 40)});
    const std::vector<float> x = test::random_vector<float>(1, 100 * 30);
    std::vector<float> y(100 * 40);
    Stream stream(network, {.weights = format});
    const std::size_t before = stream.bytes();
    const test::Allocations since;
    REQUIRE(stream.process(x, y, 100));
    const double asked = double(since.bytes()), counted = double(stream.bytes() - before);
    if (asked == 0) continue;
    CHECK(counted <= asked);
    CHECK(counted >= 0.95 * asked);
  }
}

// What the way forward moves, beside its activations: weights, so many numbers.
double moved_weights(const Footprint& footprint) { return (footprint.traffic - footprint.activations) / double(sizeof(double)); }

TEST_CASE("footprint: over trees, weights are read once per height of each part") {
  const int before = num_threads();
  set_num_threads(1);
  const Net network({embedding(50, 30), tree(lstm(30, 40)), readout("root"), linear(40, 10)});
  const double cell = 4 * 40 * (30 + 40 + 1), behind = 41 * 10;
  const auto over = [&](const Forest& forest) {
    return training_footprint(network, Sequences<double>::over(forest, nullptr), Adam{});
  };
  const Footprint small = over(some_trees());  // 12 complete trees of 5 heights, 31 nodes each
  CHECK(small.steps == 12 * 31);
  CHECK(moved_weights(small) == doctest::Approx(5 * cell + behind + 30 * small.steps));
  std::vector<Index> parents;  // a tree of 2 heights beside lines of 3 and 7 nodes: heights do not add up
  for (const Index parent : {-1, 0, 0, -1, 3, 4, -1, 6, 7, 8, 9, 10, 11}) parents.push_back(parent);
  CHECK(moved_weights(over(Forest(parents))) == doctest::Approx(7 * cell + behind + 30 * 13));
  std::vector<Index> many;  // 100 such trees: 3100 nodes, three parts
  for (Index t = 0; t < 100; ++t)
    for (Index i = 0; i < 31; ++i) many.push_back(i == 0 ? -1 : t * 31 + (i - 1) / 2);
  const Footprint large = over(Forest(many));
  REQUIRE(large.rounds == 3);
  const double weights = 8 * (3 * (5 * cell + behind) + 30 * large.steps);
  CHECK(large.traffic == doctest::Approx(weights + 3 * large.activations).epsilon(0.02));
  set_num_threads(before);
}

TEST_CASE("footprint: over graphs, weights are read once per round, and once where there are none") {
  const int before = num_threads();
  set_num_threads(1);
  const auto over = [&](const Layers& layers) {
    return moved_weights(training_footprint(Net(layers), Sequences<double>::over(some_graphs(), nullptr), Adam{}));
  };
  const Options reads{{"input_size", std::int64_t(30)}};
  Options apart = reads;
  apart["shared"] = false;
  const double cell = 3 * 40 * (20 + 40 + 1) + 40, message = 41 * 20, behind = 201 * 10;  // a GRU has 4 biases by unit
  const Layers net{graph_net(gru(20, 40), linear(40, 20), 3, reads)};
  CHECK(over(net) == doctest::Approx(3 * (cell + message)));
  CHECK(over({graph_net(gru(20, 40), linear(40, 20), 3, apart)}) == doctest::Approx(3 * (cell + message)));
  CHECK(over({net.front(), readout("sum"), linear(40, 10)}) == doctest::Approx(3 * (cell + message) + 41 * 10));
  CHECK(over({net.front(), linear(40, 200), linear(200, 10)}) == doctest::Approx(3 * (cell + message) + 41 * 200 + behind));
  // Five matrices and the constant one; what reads the edges does so once.
  CHECK(over({graph_net(gru(20, 40), edge_net(40, 20, 2, {linear(2, 5)}), 3, reads)}) ==
        doctest::Approx(3 * (cell + 6 * message) + 3 * 5));
  set_num_threads(before);
}

TEST_CASE("footprint: over sequences, once per step of each part; windows and segments change nothing") {
  const int before = num_threads();
  set_num_threads(1);
  const Net network({lstm(30, 40), linear(40, 10), last(), linear(10, 3)});
  Sequences<double> x;
  x.batch = 4;
  x.time = 60;
  const double step = 4 * 40 * 71 + 410, behind = 33;
  CHECK(moved_weights(training_footprint(network, x, Adam{})) == doctest::Approx(60 * step + behind));
  const Net decoder({encoder_decoder({embedding(50, 30), gru(30, 40)}, {embedding(50, 20), gru(20, 40), linear(40, 49)},
                                     {{"start", std::int64_t(49)}})});
  x.target_time = 25;
  const double reads = 3 * 40 * 71 + 40, writes = 3 * 40 * 61 + 40 + 41 * 49;
  CHECK(moved_weights(training_footprint(decoder, x, Adam{})) ==
        doctest::Approx(60 * reads + 25 * writes + 4 * (60 * 30 + 25 * 20)));
  const Net plain({lstm(30, 40)});
  x.target_time = 0;
  const double whole = training_footprint(plain, x, Adam{}).traffic;
  CHECK(training_footprint(plain, x, Adam{}, 10).traffic == doctest::Approx(whole).epsilon(0.05));
  CHECK(training_footprint(plain, x, Adam{}, 0, 10).traffic == doctest::Approx(whole).epsilon(0.05));
  set_num_threads(before);
}

TEST_CASE("footprint: a large batch goes on along straight lines") {
  const int before = num_threads();
  set_num_threads(1);
  std::vector<Layers> all = over_sequences();
  for (const Layers& layers : decoding()) all.push_back(layers);
  for (const Layers& layers : all) {
    CAPTURE(to_string(layers.front()));
    const Net network(layers);
    Sequences<double> x;
    x.batch = 50;
    x.time = 150;
    x.target_time = network.decodes() ? 130 : 0;
    const Split chosen = split(x, {x.time, x.time}, Index(network.flat().size()), step_memory(*network.model()));
    const Index rows = Index(split_rows(x, chosen.parts).front().size());
    CHECK(rows > 8);  // the small batch that the lines begin with
    const Footprint footprint = training_footprint(network, x, Adam{});
    Workspace<double> workspace(*network.model());
    if (network.decodes()) {
      std::vector<Index> order(std::size_t(rows), 0);
      std::iota(order.begin(), order.end(), Index(0));
      workspace.decode(Schedule::sequences(rows, 130), order);
    }
    workspace.go_back_once();
    workspace.prepare(Schedule::sequences(rows, 150), true);
    const std::size_t counted = workspace.bytes();
    const Index nodes = workspace.schedule().num_nodes() + workspace.output_schedule().num_nodes();
    CHECK(footprint.activations + footprint.cotangents ==
          doctest::Approx(double(counted) + double(nodes) * double(sizeof(Step))).epsilon(0.002));
    CHECK(footprint.gradients == double(network.flat().size() * sizeof(double)));
    CHECK(footprint.optimizer == 2 * footprint.gradients);
    CHECK(training_footprint(network, x, Sgd{}).optimizer == 0);
  }
  set_num_threads(before);
}

TEST_CASE("footprint: segments keep the states between them instead of activations") {
  const Net network({lstm(3, 40)});
  Sequences<double> x;
  x.batch = 4;
  x.time = 10000;
  const auto activations = [&](Index segment) { return training_footprint(network, x, Adam{}, 0, segment).activations; };
  CHECK(activations(100) < 0.02 * activations(0));
  CHECK(activations(RunOptions::square_root) == activations(100));
  CHECK(activations(20000) == activations(0));
  CHECK_THROWS_AS(training_footprint(Net({bidirectional(lstm(3, 4))}), x, Adam{}, 0, 100), std::invalid_argument);
}

TEST_CASE("footprint: refusals") {
  const Net network({lstm(3, 4), last()});
  Sequences<double> x;
  x.batch = 2;
  CHECK_THROWS_AS(training_footprint(network, x, Adam{}), std::invalid_argument);
  x.time = 5;
  CHECK(training_footprint(network, x, Adam{}).total() > 0);
  CHECK_THROWS_AS(training_footprint(network, x, Adam{}, 2), std::invalid_argument);
  CHECK_THROWS_AS(training_footprint(network, x, Adam{.learning_rate = -1}), std::invalid_argument);
  CHECK_THROWS_AS(training_footprint(network, Sequences<double>::over(some_trees(), nullptr), Adam{}), std::invalid_argument);
}
