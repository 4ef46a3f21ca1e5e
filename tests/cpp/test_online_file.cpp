// The file of an online learner: one that was stopped at any step goes on with the same bits; bad files are refused, and nothing
// has changed.
#include <doctest/doctest.h>

#include <filesystem>

#include "online_file_problem.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::Folder, test::has_influence, test::message, test::step, test::told, test::Vector;
namespace fs = std::filesystem;

void check_resumes(const std::vector<LayerSpec>& specs, const OnlineOptions& options, Index steps) {
  const Folder folder;
  BasicNetwork<double> network = test::drawn_network(specs, 0.5);
  const test::OnlineData data(network, steps, options.batch);
  BasicOnline<double> learner(network, options);
  std::vector<Vector> outputs;
  for (Index t = 0; t < steps; ++t) {
    learner.save(folder.file(std::to_string(t)));
    outputs.push_back(step(learner, data, t));
  }
  const bool influence = has_influence(options.rule);
  const Vector expected = told(network, learner, influence);
  CHECK(learner.report().guard_events == 0);
  CHECK(learner.report().updates > 0);
  for (Index stopped = 0; stopped < steps; ++stopped) {
    CAPTURE(stopped);
    BasicNetwork<double> fresh(specs, std::uint64_t(99));
    BasicOnline<double> resumed(fresh, options);
    for (Index t = 0; t < stopped % 3; ++t) step(resumed, data, t);  // what it had learned goes
    resumed.load(folder.file(std::to_string(stopped)));
    bool same = true;
    for (Index t = stopped; t < steps; ++t) same = step(resumed, data, t) == outputs[std::size_t(t)] && same;
    CHECK(same);
    CHECK(told(fresh, resumed, influence) == expected);
  }
}

}  // namespace

TEST_CASE("online: a learner stopped at any step goes on with the same bits") {
  const std::vector<std::vector<LayerSpec>> networks{
      {lstm(3, 4, {{"learned_initial_state", true}}), gru(4, 3), linear(3, 2)},
      {delay(2, {{"input_size", std::int64_t(2)}}), feedback({linear(6 + 4, 3), layers::tanh(), linear(3, 2)}, 2), delay(1)},
      {embedding(5, 3), elman(3, 3), linear(3, 2)},
  };
  for (const auto& specs : networks)
    for (const OnlineRule& rule : {OnlineRule(Rtrl{1}), OnlineRule(Rtrl{7}), OnlineRule(Rtrl{0}), OnlineRule(Uoro{3}),
                                   OnlineRule(RollingBptt{1}), OnlineRule(RollingBptt{5})})
      for (const Index batch : {1, 3})
        for (const Index every : {1, 3}) {
          if (&specs != &networks.front() && batch != every) continue;
          CAPTURE(to_string(specs.front()));
          CAPTURE(rule.index());
          CAPTURE(batch);
          CAPTURE(every);
          check_resumes(
              specs,
              {.rule = rule, .optimizer = Adam{.learning_rate = 1e-2}, .batch = batch, .update_every = every, .clip_norm = 0.5},
              17);
        }
}

TEST_CASE("online: after an event of the guard, too") {
  for (const OnlineRule& rule : {OnlineRule(Rtrl{1}), OnlineRule(Rtrl{7}), OnlineRule(Uoro{3}), OnlineRule(RollingBptt{9})}) {
    CAPTURE(rule.index());
    const Folder folder;
    BasicNetwork<double> network = test::drawn_network({elman(2, 3), linear(3, 1)}, 2), fresh = network;
    const OnlineOptions options{.rule = rule, .batch = 2, .update_every = 3, .guard = 2};
    const test::OnlineData data(network, 60, 2);
    BasicOnline<double> learner(network, options);
    for (Index t = 0; t < 30; ++t) step(learner, data, t);
    CHECK(learner.report().guard_events > 0);
    learner.save(folder.file());
    BasicOnline<double> resumed(fresh, options);
    resumed.load(folder.file());
    for (Index t = 30; t < 60; ++t) CHECK(step(learner, data, t) == step(resumed, data, t));
    CHECK(told(network, learner, has_influence(rule)) == told(fresh, resumed, has_influence(rule)));
  }
}

TEST_CASE("online: files of other learners and networks are refused by what they are") {
  const Folder folder;
  const std::vector<LayerSpec> specs{elman(2, 3), linear(3, 1)};
  BasicNetwork<double> network = test::drawn_network(specs, 0.5);
  const test::OnlineData data(network, 20, 2);
  const OnlineOptions options{.rule = Rtrl{7}, .optimizer = Adam{}, .batch = 2, .clip_norm = 1.0};
  BasicOnline<double> learner(network, options);
  for (Index t = 0; t < 10; ++t) step(learner, data, t);
  const Vector before = told(network, learner, true);

  const auto refused = [&](OnlineOptions other, const std::string& what) {
    BasicNetwork<double> copy = network;
    BasicOnline<double>(copy, other).save(folder.file());
    const std::string text = message([&] { learner.load(folder.file()); });
    CAPTURE(text);
    CHECK(text.find(what) != std::string::npos);
    CHECK(text.find(folder.file()) != std::string::npos);
    CHECK(told(network, learner, true) == before);
  };
  const auto changed = [&](const auto& change) {
    OnlineOptions other = options;
    change(other);
    return other;
  };
  refused(changed([](OnlineOptions& o) { o.rule = Rtrl{8}; }), "RTRL(block=8)");
  refused(changed([](OnlineOptions& o) { o.rule = Uoro{4}; }), "UORO(seed=4)");
  refused(changed([](OnlineOptions& o) { o.rule = RollingBptt{7}; }), "BPTT(window=7)");
  refused(changed([](OnlineOptions& o) { o.optimizer = Adam{.learning_rate = 0.5}; }), "0.5");
  refused(changed([](OnlineOptions& o) { o.optimizer = Sgd{}; }), "SGD");
  refused(changed([](OnlineOptions& o) { o.loss = Loss::mae; }), "mae");
  refused(changed([](OnlineOptions& o) { o.batch = 3; }), "batch=3");
  refused(changed([](OnlineOptions& o) { o.update_every = 2; }), "update_every=2");
  refused(changed([](OnlineOptions& o) { o.leak = 0.25; }), "leak=0.25");
  refused(changed([](OnlineOptions& o) { o.clip_norm.reset(); }), "clip_norm=none");
  refused(changed([](OnlineOptions& o) { o.guard = 77; }), "guard=77");

  const auto refused_file = [&](const std::string& what) {
    const std::string text = message([&] { learner.load(folder.file()); });
    CAPTURE(text);
    CHECK(text.find(what) != std::string::npos);
    CHECK(told(network, learner, true) == before);
  };
  BasicNetwork<double> wider({elman(2, 4), linear(4, 1)}, std::uint64_t(1));
  BasicOnline<double>(wider, options).save(folder.file());
  refused_file("holds another network than the learner's");
  Network single(specs, std::uint64_t(1));
  Online(single, options).save(folder.file());
  refused_file("holds another network than the learner's");
  save(network, folder.file());
  refused_file("holds no online learner, expected a file that its save() wrote");
  fs::remove(folder.file());
  CHECK_THROWS_AS(learner.load(folder.file()), std::system_error);
  CHECK_THROWS_AS(learner.save((folder.path / "no" / "such").string()), std::system_error);
  CHECK(told(network, learner, true) == before);
}

// The state grows by 1e60 a step from next to nothing, and so does an error on its way back from where it is large: to infinity,
// which times the state of a unit at rest is no number.
TEST_CASE("online: a learner whose gradients are beyond all numbers can be stopped as well") {
  const Folder folder;
  BasicNetwork<double> network({elman(1, 2, "relu"), linear(2, 1)}, std::uint64_t(1));
  std::ranges::fill(network.flat(), 0.0);
  const auto set = [&](const char* name, double value) {
    network.flat()[std::size_t(std::ranges::find(network.parameters(), name, &Parameter::name)->offset)] = value;
  };
  set("0.weight_ih", 1e-300);
  set("0.weight_hh", 1e60);
  set("1.weight", 1);
  BasicNetwork<double> fresh = network;
  const OnlineOptions options{.rule = Rtrl{8}, .update_every = 12};
  BasicOnline<double> learner(network, options);
  const Vector zero{0}, one{1}, minus_one{-1};
  for (int t = 0; t < 8; ++t) learner.step(t ? zero : one, {}, t < 7 ? Target<double>{} : Target<double>{zero.data()});
  REQUIRE(learner.report().guard_events == 1);
  learner.save(folder.file());
  BasicOnline<double> resumed(fresh, options);
  resumed.load(folder.file());
  for (BasicOnline<double>* one_of : {&learner, &resumed}) {
    one_of->reset();
    for (int t = 0; t < 16; ++t) one_of->step(minus_one, {}, {one.data()});
  }
  CHECK(learner.report().updates == 1);  // but for the one that was spoiled
  CHECK(told(network, learner, true) == told(fresh, resumed, true));
}
