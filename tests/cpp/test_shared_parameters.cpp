// Tied and frozen parameters: a network with them is that with one parameter less, under every rule of learning.
#include <doctest/doctest.h>

#include <filesystem>
#include <random>
#include <thread>

#include "network/shared_parameters.h"
#include "online_run.h"
#include "recurra/recurra.h"
#include "recurra/threads.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;
using Vector = std::vector<double>;
using Net = BasicNetwork<double>;
using Names = std::vector<std::string>;
using Groups = std::vector<Names>;

Vector values(const Net& network, const std::string& name) {
  const auto& all = network.parameters();
  const auto found = std::ranges::find(all, name, &Parameter::name);
  REQUIRE(found != all.end());
  return Vector(network.flat().begin() + found->offset, network.flat().begin() + found->offset + found->size);
}

Vector flat(const Net& network) { return Vector(network.flat().begin(), network.flat().end()); }

// Two layers of a cell of equal shapes, with a readout.
std::vector<LayerSpec> twins(const std::string& cell, Index units = 4) {
  const Index width = output_size(cell, units);
  return {cell_layer(cell, width, units), cell_layer(cell, width, units), linear(width, 2)};
}

// Every parameter of layer 0 with that of layer 1, every other one the other way round.
void tie_layers(Net& network) {
  Index count = 0;
  for (const Parameter& p : network.parameters())
    if (p.name.starts_with("0.")) {
      const std::string other = "1." + p.name.substr(2);
      network.tie(++count % 2 ? Names{p.name, other} : Names{other, p.name});
    }
}

// As SharedParameters::fold, from the names alone.
Vector folded(const Net& network, const Vector& gradient) {
  Vector result = gradient;
  const auto offset = [&](const std::string& name) {
    return std::ranges::find(network.parameters(), name, &Parameter::name)->offset;
  };
  for (const Names& group : network.tied())
    for (std::size_t i = 1; i < group.size(); ++i)
      for (std::size_t j = 0; j < values(network, group[i]).size(); ++j) {
        double& from = result[std::size_t(offset(group[i])) + j];
        result[std::size_t(offset(group[0])) + j] += from;
        from = 0;
      }
  for (const std::string& name : network.frozen()) std::fill_n(result.begin() + offset(name), values(network, name).size(), 0.0);
  return result;
}

bool copies_equal(const Net& network) {
  for (const Names& group : network.tied())
    for (const std::string& name : group)
      if (values(network, name) != values(network, group.front())) return false;
  return true;
}

// A network without ties whose places are moved by hand, by an optimizer that knows the tied parameters once and the frozen ones
// not at all: what a network with ties should do.
struct ByHand {
  ByHand(const Net& tied, const Optimizer& settings)
      : network(tied.layers(), flat(tied)), names(tied), places(make_places(tied)), optimizer(settings, Index(places.size())) {}

  // The places of each number that learns.
  static std::vector<std::vector<Index>> make_places(const Net& tied) {
    std::vector<std::vector<Index>> result;
    const auto& all = tied.parameters();
    for (const Parameter& p : all) {
      Names group{p.name};
      for (const Names& g : tied.tied())
        if (std::ranges::find(g, p.name) != g.end()) group = g;
      if (group.front() != p.name || std::ranges::find(tied.frozen(), p.name) != tied.frozen().end()) continue;
      for (Index i = 0; i < p.size; ++i) {
        result.emplace_back();
        for (const std::string& name : group) result.back().push_back(std::ranges::find(all, name, &Parameter::name)->offset + i);
      }
    }
    return result;
  }

  void update(std::span<const double> gradient, double clip = 0) {
    Vector w, g;
    for (const auto& place : places) {
      w.push_back(network.flat()[std::size_t(place.front())]);
      g.push_back(0);
      for (const Index i : place) g.back() += gradient[std::size_t(i)];
    }
    if (clip > 0) clip_norm(std::span(g), clip);
    optimizer.update(w, g);
    for (std::size_t i = 0; i < places.size(); ++i)
      for (const Index j : places[i]) network.flat()[std::size_t(j)] = w[i];
  }

  Net network;
  const Net& names;
  std::vector<std::vector<Index>> places;
  BasicOptimizer<double> optimizer;
};

const std::vector<Optimizer>& optimizers() {
  static const std::vector<Optimizer> all{Sgd{.learning_rate = 0.1, .momentum = 0.9, .decay = {.l2 = 0.1}, .nesterov = true},
                                          Adam{.learning_rate = 0.05, .decay = {.l1 = 0.01}},
                                          AdamW{.learning_rate = 0.05, .weight_decay = 0.5},
                                          RmsProp{.learning_rate = 0.01, .momentum = 0.5, .centered = true, .decay = {.l2 = 0.1}},
                                          Adagrad{.learning_rate = 0.1, .decay = {.l2 = 0.1}}};
  return all;
}

// All of them, for LeakyElman.
constexpr const char* leaky = "LeakyElman(activation=tanh)";
std::vector<OnlineRule> rules() {
  return {Rflo{3}, Rtrl{1}, Rtrl{5}, Rtrl{0}, Rtrl{0, Rtrl::Scope::layer}, SnAp{}, EProp{}, KfRtrl{3}, Uoro{3}, RollingBptt{4}};
}

struct File {
  File() : path(std::filesystem::temp_directory_path() / ("recurra-shared-" + std::to_string(std::random_device{}()))) {}
  ~File() { std::filesystem::remove(path); }
  std::string text() const { return path.string(); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("shared: groups join, the first keeps its values, and copies of a network go their own way") {
  Net network({elman(3, 3), elman(3, 3), elman(3, 3), linear(3, 2)}, std::uint64_t(1));
  const Vector first = values(network, "1.weight_hh"), rest = values(network, "2.bias");
  const Net before = network;
  network.tie({"1.weight_hh", "0.weight_hh"});
  CHECK(network.tied() == Groups{{"1.weight_hh", "0.weight_hh"}});
  CHECK(values(network, "0.weight_hh") == first);
  const Net one = network;
  network.tie({"0.weight_hh", "2.weight_ih"});  // chains: the first of the group that is there stays the first
  CHECK(network.tied() == Groups{{"1.weight_hh", "0.weight_hh", "2.weight_ih"}});
  CHECK(values(network, "2.weight_ih") == first);
  network.tie({"2.bias", "0.bias"});
  network.tie({"0.bias", "2.bias"});  // they are already
  CHECK(network.tied() == Groups{{"1.weight_hh", "0.weight_hh", "2.weight_ih"}, {"2.bias", "0.bias"}});
  network.tie({"0.weight_ih", "2.weight_ih", "2.weight_hh"});  // a group joins
  CHECK(network.tied().front() == Names{"0.weight_ih", "0.weight_hh", "1.weight_hh", "2.weight_ih", "2.weight_hh"});
  CHECK(values(network, "1.weight_hh") == values(before, "0.weight_ih"));
  CHECK(values(network, "0.bias") == rest);
  CHECK(before.tied().empty());
  CHECK(one.tied().size() == 1);
  CHECK(values(one, "2.weight_ih") == values(before, "2.weight_ih"));
  Net assigned = before;
  const double* const place = assigned.flat().data();
  assigned = network;
  CHECK(assigned.flat().data() == place);
  CHECK(assigned.tied() == network.tied());
}

TEST_CASE("shared: copies have no order of their own, and a network that was moved from can be given another") {
  Net one({elman(3, 3), elman(3, 3), elman(3, 3)}, std::uint64_t(1)), other = one;
  one.tie({"1.bias", "0.bias", "2.bias"});
  other.tie({"1.bias", "2.bias", "0.bias"});
  CHECK(*one.shared() == *other.shared());
  Net moved = std::move(one);
  one = moved;
  CHECK(one.tied() == moved.tied());
  CHECK(flat(one) == flat(moved));
}

TEST_CASE("shared: threads that find a stale copy bring it up to date once") {
  Net network(twins("Elman(activation=tanh)", 64), std::uint64_t(1));
  network.tie({"1.weight_hh", "0.weight_hh"});
  const Vector wanted = flat(network), x = test::random_vector(3, 5 * 64);
  Vector y(5 * 2);
  BasicRunner<double>(network).forward({x.data(), 1, 5}, y.data());
  for (int round = 0; round < 20; ++round) {
    std::fill(network.parameter("0.weight_hh").begin(), network.parameter("0.weight_hh").end(), 7.0);
    std::vector<Vector> outputs(4, Vector(y.size()));
    std::vector<std::thread> threads;
    for (Vector& output : outputs)
      threads.emplace_back([&] { BasicRunner<double>(network).forward({x.data(), 1, 5}, output.data()); });
    for (std::thread& thread : threads) thread.join();
    for (const Vector& output : outputs) CHECK(output == y);
    CHECK(flat(network) == wanted);
  }
}

TEST_CASE("shared: what is frozen by its beginning, together with its group, and unfrozen again") {
  Net network({elman(3, 3), elman(3, 3), linear(3, 2)}, std::uint64_t(1));
  network.tie({"1.weight_hh", "0.weight_hh"});
  network.freeze({"0"});
  CHECK(network.frozen() == Names{"0.weight_ih", "0.weight_hh", "0.bias", "1.weight_hh"});
  network.unfreeze({"1.weight_hh", "0.bias", "2"});
  CHECK(network.frozen() == Names{"0.weight_ih"});
  network.tie({"1.weight_ih", "0.weight_ih"});
  CHECK(network.frozen() == Names{"0.weight_ih", "1.weight_ih"});
  const std::shared_ptr<const SharedParameters> before = network.shared();
  const Vector values_before = flat(network);
  const auto refuses = [&](const auto& call, const char* message) {
    CHECK_THROWS_WITH_AS(call(), message, std::invalid_argument);
    CHECK(*network.shared() == *before);
    CHECK(flat(network) == values_before);
  };
  refuses([&] { network.tie({"1.bias"}); }, "tie: got 1 parameters to tie, expected at least 2");
  refuses([&] { network.tie({"1.bias", "1.bias"}); }, "tie: '1.bias' is named twice, expected different parameters");
  refuses([&] { network.tie({"1.bias", "3.bias"}); }, "tie: the network has no parameter '3.bias'");
  refuses([&] { network.tie({"1", "0"}); }, "tie: the network has no parameter '1'");
  refuses([&] { network.tie({"2.weight", "0.weight_ih"}); },
          "tie: '0.weight_ih' has shape (3, 3), expected (2, 3) as '2.weight' has");
  refuses([&] { network.freeze({"1.bias", "0.weight"}); }, "freeze: the network has no parameter '0.weight'");
  refuses([&] { network.unfreeze({""}); }, "unfreeze: the network has no parameter ''");
  CHECK_THROWS_WITH_AS(Net(network.layers(), flat(network), Groups{{"0.bias", "1.bias"}, {"1.bias", "2.bias"}}),
                       "Network: '1.bias' is named twice, expected different parameters", std::invalid_argument);
}

TEST_CASE("shared: each use of a network gives the copies the values of the first") {
  Net network(twins("GRU(reset=after)"), std::uint64_t(1));
  network.tie({"1.weight_hh", "0.weight_hh"});
  const std::span<double> view = network.flat();
  Net expected = network;
  for (double& value : expected.parameter("1.weight_hh")) value = 0.25;
  const Vector wanted = flat(expected), x = test::random_vector(3, 2 * 5 * 4);
  const auto write = [&] {  // into both, and both differ
    const auto at = [&](const std::string& name) {
      return view.begin() + std::ranges::find(network.parameters(), name, &Parameter::name)->offset;
    };
    std::fill_n(at("1.weight_hh"), 48, 0.25);
    std::fill_n(at("0.weight_hh"), 48, -7.0);
  };
  Vector y(2 * 5 * 2), z(y.size()), one(2), other(2);
  write();
  BasicRunner<double>(network).forward({x.data(), 2, 5}, y.data());
  BasicRunner<double>(expected).forward({x.data(), 2, 5}, z.data());
  CHECK(y == z);
  CHECK(Vector(view.begin(), view.end()) == wanted);
  write();
  CHECK(flat(Net(network)) == wanted);
  write();
  CHECK(to_bytes(network) == to_bytes(expected));
  write();
  BasicStream<double> stream(network), twin(expected);
  CHECK(stream.step(std::span(x).first(4), one));
  CHECK(twin.step(std::span(x).first(4), other));
  CHECK(one == other);
  write();
  BasicOnline<double> learner(network, {});
  BasicOnline<double> second(expected, {});
  learner.predict(std::span(x).first(4), one);
  second.predict(std::span(x).first(4), other);
  CHECK(one == other);
  for (auto* each : {&learner, &second}) each->step(std::span(x).first(4), {}, Target<double>{x.data()});
  CHECK(flat(network) == flat(expected));
}

TEST_CASE("shared: the gradient is that of the tied function, by central differences, for all cells") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    Net network = test::drawn_network(twins(cell), 0.5);
    tie_layers(network);
    network.freeze({"2.bias"});
    // Drawn so that no relu bends within a step of the differences.
    const Vector x = test::random_vector(7, 3 * 6 * network.input_size()), y = test::random_vector(3, 3 * 6 * 2);
    const std::vector<Index> lengths{6, 2, 4};
    BasicRunner<double> runner(network);
    const Sequences<double> sequences{x.data(), 3, 6, lengths.data()};
    Vector gradient(network.flat().size());
    runner.loss_and_gradient(sequences, {y.data()}, Loss::mse, gradient.data());
    Vector slope =
        test::central_difference(network.flat(), [&] { return runner.loss(sequences, Target<double>{y.data()}, Loss::mse); });
    const Vector bias = values(network, "2.bias");
    std::fill(slope.end() - Index(bias.size()), slope.end(), 0.0);
    CHECK(difference(gradient, slope) < 1e-8);
    CHECK(test::part_of(network, gradient, "0") != Vector(test::part_of(network, gradient, "0").size()));
    // The sum over the places, told from the names alone.
    const Net plain(network.layers(), flat(network));
    Vector places(gradient.size());
    BasicRunner<double>(plain).loss_and_gradient(sequences, {y.data()}, Loss::mse, places.data());
    CHECK(difference(gradient, folded(network, places)) < 1e-14);
  }
}

TEST_CASE("shared: gradients of windows and of several threads are folded, and added to what is there") {
  Net network(twins("LSTM", 24), std::uint64_t(1));
  tie_layers(network);
  network.freeze({"2"});
  const Net plain(network.layers(), flat(network));
  constexpr Index batch = 12, time = 9;
  const Vector x = test::random_vector(2, batch * time * 24), y = test::random_vector(3, batch * time * 2);
  const int threads = num_threads();
  for (const int count : {1, 3})
    for (const Index window : {0, 4}) {
      set_num_threads(count);
      Vector gradient(network.flat().size(), 1.0), places(gradient.size()), part(gradient.size());
      const Sequences<double> sequences{x.data(), batch, time};
      RunOptions options;
      options.window = window;
      BasicRunner<double>(network).loss_and_gradient(sequences, {y.data()}, Loss::mse, gradient.data(), nullptr, options);
      BasicRunner<double>(plain).loss_and_gradient(sequences, {y.data()}, Loss::mse, places.data(), nullptr, options);
      Vector expected = folded(network, places);
      for (double& value : expected) value += 1;
      CHECK(difference(gradient, expected) < 1e-13);
      BasicState<double> state(network, batch), same(plain, batch);
      std::fill(places.begin(), places.end(), 0.0);
      BasicRunner<double>(network).window_gradient(sequences, {y.data()}, Loss::mse, {2, 7}, part.data(), &state, {});
      BasicRunner<double>(plain).window_gradient(sequences, {y.data()}, Loss::mse, {2, 7}, places.data(), &same, {});
      CHECK(difference(part, folded(network, places)) < 1e-13);
    }
  set_num_threads(threads);
}

TEST_CASE("shared: optimizers move what is tied as one parameter, and not what rests") {
  for (const Optimizer& settings : optimizers()) {
    CAPTURE(settings.index());
    Net network = test::drawn_network(twins("GRU(reset=after)"), 0.5);
    tie_layers(network);
    network.freeze({"2.weight", "1.bias"});
    const Vector bias = values(network, "0.bias"), weight = values(network, "2.weight");
    ByHand hand(network, settings);
    const std::span<const double> view = network.flat();
    BasicOptimizer<double> optimizer(settings, Index(network.flat().size()));
    for (std::uint64_t t = 0; t < 20; ++t) {
      const Vector gradient = folded(network, test::random_vector(t, Index(network.flat().size())));
      optimizer.update(network, gradient);
      hand.update(gradient);
      CHECK(std::ranges::equal(view, flat(hand.network)));  // copies too, before anyone asks the network
    }
    CHECK(flat(network) == flat(hand.network));
    CHECK(values(network, "1.bias") == bias);
    CHECK(values(network, "2.weight") == weight);
    // It remembers nothing of copies and of what rests.
    std::vector<char> learns(network.flat().size());
    for (const auto& place : hand.places) learns[std::size_t(place.front())] = true;
    const OptimizerState<double> untouched = BasicOptimizer<double>(settings, Index(learns.size())).state();
    for (const auto& [name, vector] : optimizer.state().vectors)
      for (std::size_t i = 0; i < vector.size(); ++i)
        if (!learns[i]) REQUIRE(vector[i] == untouched.vectors.at(name)[i]);
  }
}

TEST_CASE("shared: fit learns as by hand, copies follow and what is frozen rests") {
  constexpr Index batch = 6, time = 8;
  const Vector x = test::random_vector(2, batch * time * 4), y = test::random_vector(3, batch * time * 2);
  for (const Optimizer& settings : optimizers())
    for (const Index window : {0, 3}) {
      CAPTURE(settings.index());
      CAPTURE(window);
      Net network = test::drawn_network(twins("LSTM"), 0.5);
      tie_layers(network);
      network.freeze({"2.weight"});
      ByHand hand(network, settings);
      const Vector weight = values(network, "2.weight");
      FitOptions options;
      options.optimizer = settings;
      options.window = window;
      options.epochs = 3;
      options.batch_size = 3;
      options.clip_norm = 0.05;
      options.shuffle = false;
      fit<double>(network, {{x.data(), batch, time}, {y.data()}}, nullptr, options);
      BasicRunner<double> runner(hand.network);
      for (int epoch = 0; epoch < 3; ++epoch)
        for (Index row = 0; row < batch; row += 3) {
          const Sequences<double> part{x.data() + row * time * 4, 3, time};
          BasicState<double> state(hand.network, 3);
          for (Index begin = 0; begin < time; begin += window ? window : time) {
            Vector gradient(network.flat().size());
            RunOptions how;
            how.initial = begin == 0;
            runner.window_gradient(part, {y.data() + row * time * 2}, Loss::mse,
                                   {begin, std::min(time, begin + (window ? window : time))}, gradient.data(), &state, how);
            hand.update(gradient, 0.05);
          }
        }
      CHECK(difference(flat(network), flat(hand.network)) < 1e-10);
      CHECK(copies_equal(network));
      CHECK(values(network, "2.weight") == weight);
    }
}

TEST_CASE("shared: a rule's gradient is the folded one of the network without ties") {
  Net network = test::drawn_network({cell_layer(leaky, 4, 4), cell_layer(leaky, 4, 4), linear(4, 4), linear(4, 2)}, 0.5);
  network.tie({"1.weight_hh", "0.weight_hh"});
  network.tie({"0.weight_ih", "2.weight", "1.weight_ih"});
  network.freeze({"1.bias"});
  const Net plain(network.layers(), flat(network));
  for (const OnlineRule& rule : rules()) {
    CAPTURE(rule.index());
    CHECK(difference(test::gradient_of(network, rule, 9), folded(network, test::gradient_of(plain, rule, 9))) < 1e-13);
  }
  const Vector x = test::random_vector(2, 9 * 4), y = test::random_vector(3, 9 * 2);
  Vector bptt(network.flat().size());
  BasicRunner<double>(network).loss_and_gradient({x.data(), 1, 9}, {y.data()}, Loss::mse, bptt.data());
  CHECK(difference(test::gradient_of(network, Rtrl{3}, 9), bptt) < 1e-12);
}

TEST_CASE("shared: what rests in one layer costs RTRL of scope layer nothing in the others") {
  Net network = test::drawn_network({elman(3, 4), elman(4, 4), linear(4, 2)}, 0.5);
  const Rtrl rule{3, Rtrl::Scope::layer};
  const Vector all = test::gradient_of(network, rule, 9);
  OnlineOptions options;
  options.rule = rule;
  const std::uint64_t bytes = BasicOnline<double>::plan(network, options).bytes;
  for (const char* layer : {"0", "1"}) {
    CAPTURE(layer);
    Net frozen = network;
    frozen.freeze({layer});
    CHECK(difference(test::gradient_of(frozen, rule, 9), folded(frozen, all)) < 1e-14);
    CHECK(BasicOnline<double>::plan(frozen, options).bytes < bytes);
  }
}

TEST_CASE("shared: exact RTRL in blocks is the plain one with the tied places moved by hand") {
  const Optimizer adam = Adam{.learning_rate = 1e-2};
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    Net start = test::drawn_network(twins(cell), 0.3);
    tie_layers(start);
    start.freeze({"2.bias"});
    constexpr Index steps = 25;
    const test::OnlineData data(start, steps, 2);
    // No ties: the gradient of each step by places, and weights that are changed from outside.
    ByHand hand(start, adam);
    Vector outputs, gradients;
    BasicOnline<double> plain(hand.network, {.rule = Rtrl{1}, .optimizer = Sgd{0}, .batch = 2});
    for (Index t = 0; t < steps; ++t) {
      Vector y(std::size_t(2 * data.outputs));
      if (t == 9) plain.reset(1);
      plain.step(data.input(t), y, data.target(t));
      outputs.insert(outputs.end(), y.begin(), y.end());
      const Vector gradient = folded(start, Vector(plain.gradient().begin(), plain.gradient().end()));
      gradients.insert(gradients.end(), gradient.begin(), gradient.end());
      hand.update(gradient, 0.5);
      plain.reload();
    }
    for (const Index block : {1, 2, 7, 0}) {
      CAPTURE(block);
      Net network = start;
      BasicOnline<double> learner(network,
                                  {.rule = Rtrl{block}, .optimizer = adam, .batch = 2, .frozen = {"2.bias"}, .clip_norm = 0.5});
      Vector got, told;
      for (Index t = 0; t < steps; ++t) {
        Vector y(std::size_t(2 * data.outputs));
        if (t == 9) learner.reset(1);
        learner.step(data.input(t), y, data.target(t));
        got.insert(got.end(), y.begin(), y.end());
        told.insert(told.end(), learner.gradient().begin(), learner.gradient().end());
      }
      CHECK(learner.report().guard_events == 0);
      CHECK(difference(got, outputs) < 1e-10);
      CHECK(difference(told, gradients) < 1e-10);
      CHECK(difference(flat(network), flat(hand.network)) < 1e-10);
      CHECK(copies_equal(network));
    }
  }
}

TEST_CASE("shared: every rule keeps copies equal and lets rest what is frozen, to the bit") {
  for (const OnlineRule& rule : rules())
    for (const Optimizer& settings : optimizers()) {
      CAPTURE(rule.index());
      CAPTURE(settings.index());
      Net network = test::drawn_network(twins(leaky), 0.3);
      tie_layers(network);
      network.freeze({"2.bias", "0.bias"});
      const Net before = network;
      BasicOnline<double> learner(
          network, {.rule = rule, .optimizer = settings, .update_every = 2, .frozen = {"2.weight"}, .clip_norm = 1});
      const test::OnlineData data(network, 12);
      for (Index t = 0; t < 12; ++t) {
        learner.step(data.input(t), {}, data.target(t));
        CHECK(copies_equal(network));
      }
      CHECK(learner.report().updates == 6);
      for (const std::string name : {"0.bias", "1.bias", "2.bias", "2.weight"})
        CHECK(values(network, name) == values(before, name));
      CHECK(values(network, "0.weight_hh") != values(before, "0.weight_hh"));
      network.freeze({"0"});
      Vector y(2);
      CHECK_THROWS_WITH_AS(learner.predict(data.input(0), y),
                           "predict: other parameters of the network are tied or frozen now, expected those the learner was made "
                           "with",
                           std::invalid_argument);
      CHECK_THROWS_AS(learner.reload(), std::invalid_argument);
      CHECK_THROWS_AS(learner.save("/dev/null"), std::invalid_argument);
      CHECK_THROWS_AS(learner.load("/dev/null"), std::invalid_argument);
      network.unfreeze({"0.weight_hh", "0.weight_ih"});
      learner.predict(data.input(0), y);
    }
}

TEST_CASE("shared: a learner's influence of a tied parameter is that by all its places") {
  Net network = test::drawn_network(twins("Elman(activation=tanh)"), 0.5);
  Net plain = network;
  network.tie({"1.weight_hh", "0.weight_hh"});
  std::ranges::copy(network.flat(), plain.flat().begin());
  BasicOnline<double> one(network, {.rule = Rtrl{3}, .optimizer = Sgd{0}}), two(plain, {.rule = Rtrl{3}, .optimizer = Sgd{0}});
  const test::OnlineData data(network, 8);
  for (Index t = 0; t < 8; ++t)
    for (auto* learner : {&one, &two}) learner->step(data.input(t), {}, data.target(t));
  Vector sum = two.influence("0.weight_hh");
  const Vector other = two.influence("1.weight_hh");
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
  CHECK(difference(one.influence("0.weight_hh"), sum) < 1e-14);
  CHECK(difference(one.influence("1.weight_hh"), sum) < 1e-14);
  CHECK(difference(one.influence("0.bias"), two.influence("0.bias")) == 0);
}

TEST_CASE("shared: the encoder of a network keeps what is tied and frozen inside it") {
  Net network({encoder_decoder({elman(3, 3), elman(3, 3)}, {elman(3, 3), elman(3, 3), linear(3, 3)})}, std::uint64_t(1));
  network.tie({"0.decoder.0.weight_hh", "0.encoder.1.weight_hh", "0.encoder.0.weight_hh"});
  network.tie({"0.decoder.1.bias", "0.encoder.1.bias"});
  network.freeze({"0.encoder.0.bias", "0.decoder.2"});
  const Net inside = encoder(network);
  CHECK(inside.tied() == Groups{{"0.weight_hh", "1.weight_hh"}});  // whose first is not in it
  CHECK(inside.frozen() == Names{"0.bias"});
  CHECK(values(inside, "1.weight_hh") == values(network, "0.decoder.0.weight_hh"));
}

TEST_CASE("shared: files of networks, runs and learners") {
  Net network = test::drawn_network(twins("GRU(reset=after)"), 0.5);
  network.tie({"1.weight_hh", "0.weight_hh"});
  network.freeze({"2.bias"});
  const File model, run, learned;
  save(network, model.text());
  const Net loaded = load<double>(model.text());
  CHECK(*loaded.shared() == *network.shared());
  CHECK(flat(loaded) == flat(network));

  constexpr Index batch = 6, time = 8;
  const Vector x = test::random_vector(2, batch * time * 4), y = test::random_vector(3, batch * time * 2);
  const Data<double> data{{x.data(), batch, time}, {y.data()}};
  FitOptions options;
  options.batch_size = 2;
  options.epochs = 4;
  Net whole = network, stopped = network, resumed = network;
  fit<double>(whole, data, nullptr, options);
  options.checkpoint = run.text();
  options.epochs = 2;
  fit<double>(stopped, data, nullptr, options);
  options.epochs = 4;
  options.resume = true;
  const auto refused = [&](const auto& change, const char* what) {
    Net other = network;
    change(other);
    const Vector before = flat(other);
    CHECK_THROWS_WITH_AS(fit<double>(other, data, nullptr, options), doctest::Contains(what), std::invalid_argument);
    CHECK(flat(other) == before);
  };
  refused([](Net& other) { other.unfreeze({"2.bias"}); }, "fit: the network is ");
  refused([](Net& other) { other.tie({"1.bias", "0.bias"}); }, "tied 1.weight_hh = 0.weight_hh, 1.bias = 0.bias");
  refused([](Net& other) { other = Net(other.layers(), flat(other)); },
          "tied 1.weight_hh = 0.weight_hh, frozen 2.bias to resume");
  fit<double>(resumed, data, nullptr, options);
  CHECK(flat(resumed) == flat(whole));
  CHECK(copies_equal(resumed));

  const test::OnlineData series(network, 12);
  const auto steps = [&](BasicOnline<double>& learner, Index begin, Index end) {
    for (Index t = begin; t < end; ++t) learner.step(series.input(t), {}, series.target(t));
  };
  OnlineOptions how;
  how.optimizer = Adam{1e-2};
  how.frozen = {"2.weight"};
  Net straight = network, first = network, second = network;
  BasicOnline<double> one(straight, how), begun(first, how), gone_on(second, how);
  steps(one, 0, 12);
  steps(begun, 0, 7);
  begun.save(learned.text());
  gone_on.load(learned.text());
  steps(gone_on, 7, 12);
  CHECK(flat(second) == flat(straight));
  CHECK(copies_equal(second));
  Net tied = network, frozen = network;
  tied.tie({"1.bias", "0.bias"});
  frozen.freeze({"1.bias"});
  CHECK_THROWS_WITH_AS(BasicOnline<double>(tied, how).load(learned.text()),
                       doctest::Contains("holds a network with other tied parameters than the learner's"), std::runtime_error);
  CHECK_THROWS_WITH_AS(BasicOnline<double>(frozen, how).load(learned.text()), doctest::Contains("is of a learner with"),
                       std::runtime_error);
}

TEST_CASE("shared: a callback may freeze and unfreeze between epochs, and the run can be resumed") {
  Net start = test::drawn_network(twins("GRU(reset=after)"), 0.5);
  start.freeze({"0"});
  const Vector x = test::random_vector(2, 4 * 5 * 4), y = test::random_vector(3, 4 * 5 * 2);
  const Data<double> data{{x.data(), 4, 5}, {y.data()}};
  const File file;
  const auto learn = [&](Net& network, int epochs, bool keeps) {
    FitOptions options;
    options.epochs = epochs;
    if (keeps) options.checkpoint = file.text();
    options.resume = keeps;
    options.on_epoch = [&](int epoch, const Epoch&) {
      if (epoch == 0) network.unfreeze({"0.bias"});
      return false;
    };
    fit<double>(network, data, nullptr, options);
  };
  Net whole = start, stopped = start, resumed = start;
  learn(whole, 5, false);
  learn(stopped, 3, true);
  learn(resumed, 5, true);
  CHECK(flat(resumed) == flat(whole));
  CHECK(values(whole, "0.bias") != values(start, "0.bias"));
  CHECK(values(whole, "0.weight_hh") == values(start, "0.weight_hh"));
}
