// An online learner in rough weather: what it refuses leaves it as it was, what explodes is stopped, what decays costs nothing,
// and a step never allocates.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "allocations.h"
#include "online_run.h"

#if RECURRA_COUNTS_ALLOCATIONS
#include <malloc.h>
#endif

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;
using Vector = std::vector<double>;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

// All that admit the network.
std::vector<OnlineRule> rules(const std::vector<LayerSpec>& specs) {
  std::vector<OnlineRule> all{Rtrl{1}, Rtrl{5}, Rtrl{0}, Rtrl{5, Rtrl::Scope::layer}, Uoro{3}, RollingBptt{1}, RollingBptt{4}};
  for (const OnlineRule& rule : {OnlineRule(SnAp{}), OnlineRule(EProp{}), OnlineRule(KfRtrl{3}), OnlineRule(Rflo{3})})
    if (test::refusal(specs, rule).empty()) all.push_back(rule);
  return all;
}

// Outputs of the steps and, at last, the weights; `between` happens before each step.
Vector run(const std::vector<LayerSpec>& specs, const OnlineOptions& options, const auto& between) {
  BasicNetwork<double> network = test::drawn_network(specs, 0.4);
  const test::OnlineData data(network, 17, options.batch);
  BasicOnline<double> learner(network, options);
  Vector outputs;
  for (Index t = 0; t < data.steps; ++t) {
    between(learner, data, t);
    Vector y(std::size_t(data.batch * data.outputs));
    learner.step(data.input(t), y, data.target(t), {}, t % 3 == 1 ? data.teacher(t) : std::span<const double>{});
    outputs.insert(outputs.end(), y.begin(), y.end());
  }
  outputs.insert(outputs.end(), network.flat().begin(), network.flat().end());
  return outputs;
}

const auto nothing = [](auto&, const auto&, Index) {};

}  // namespace

TEST_CASE("online: what is refused has changed nothing") {
  const auto bad_calls = [](BasicOnline<double>& learner, const test::OnlineData& data, Index t) {
    const Vector x(data.input(t).begin(), data.input(t).end()), target(data.y.begin(), data.y.begin() + 2 * data.outputs);
    const Vector teacher(data.teacher(t).begin(), data.teacher(t).end());
    Vector y(std::size_t(2 * data.outputs)), weights(2, 1.0);
    const auto bad = [](Vector values, double value) {
      values.back() = value;
      return values;
    };
    const auto refused = [&](const Vector& in, const Vector& aim, const Vector& w, const Vector& seen) {
      CHECK_THROWS_AS(learner.step(in, y, {aim.data()}, w, seen), std::invalid_argument);
    };
    for (const double value : {not_a_number, infinity, -infinity}) {
      refused(bad(x, value), target, weights, teacher);
      refused(x, bad(target, value), weights, teacher);
      refused(x, target, bad(weights, value), teacher);
      if (!teacher.empty()) refused(x, target, weights, bad(teacher, value));
      CHECK_THROWS_AS(learner.predict(bad(x, value), y), std::invalid_argument);
    }
    refused(x, target, bad(weights, -1), teacher);
    const Vector longer(x.size() + 1), shorter(x.size() - 1);
    for (const Vector& in : {longer, shorter}) {
      CHECK_THROWS_AS(learner.step(in, y, {target.data()}), std::invalid_argument);
      CHECK_THROWS_AS(learner.predict(in, y), std::invalid_argument);
    }
    refused(x, target, Vector(3), teacher);
    refused(x, target, weights, Vector(teacher.size() + 1));
    CHECK_THROWS_AS(learner.step(x, std::span(y).first(1), {target.data()}), std::invalid_argument);
    CHECK_THROWS_AS(learner.step(x, y, {target.data(), nullptr}, {}, Vector(99)), std::invalid_argument);
    const std::vector<std::int64_t> classes(2, 0);
    CHECK_THROWS_AS(learner.step(x, y, {nullptr, classes.data()}), std::invalid_argument);
    CHECK_THROWS_AS(learner.step(x, y, {bad(target, 1e300).data()}), std::overflow_error);  // the loss is
    CHECK_THROWS_AS(learner.reset(2), std::out_of_range);
    CHECK_THROWS_AS(learner.reset(-1), std::out_of_range);
    CHECK_THROWS_AS(learner.influence("nobody"), std::out_of_range);
  };
  for (const auto& specs : test::causal_networks())
    for (const OnlineRule& rule : rules(specs)) {
      CAPTURE(to_string(specs.front()));
      CAPTURE(rule.index());
      const OnlineOptions options{.rule = rule, .optimizer = Adam{.learning_rate = 1e-2}, .batch = 2, .update_every = 2};
      CHECK(run(specs, options, bad_calls) == run(specs, options, nothing));
    }
}

TEST_CASE("online: settings that no learner can have, and networks too large, are refused") {
  BasicNetwork<double> network({elman(2, 3), linear(3, 1)}, std::uint64_t(1));
  const auto refused = [&](const OnlineOptions& options, const char* message) {
    CHECK_THROWS_WITH_AS(BasicOnline<double>(network, options), message, std::invalid_argument);
    CHECK_THROWS_WITH_AS(BasicOnline<double>::plan(network, options), message, std::invalid_argument);
  };
  refused({.rule = Rtrl{-1}}, "RTRL: block is -1, expected at least 1, or 0 for one that suits");
  refused({.rule = RollingBptt{-1}}, "BPTT: window is -1, expected at least 1");
  refused({.batch = 0}, "Online: batch is 0, expected at least 1");
  refused({.update_every = 0}, "Online: update_every is 0, expected at least 1");
  refused({.update_every = Index(1) << 62}, "Online: update_every is 4611686018427387904, expected at most 2147483647");
  refused({.leak = 1.5}, "Online: leak is 1.500000, expected 0 .. 1");
  refused({.leak = not_a_number}, "Online: leak is nan, expected 0 .. 1");
  refused({.clip_norm = 0.0}, "Online: clip_norm is 0.000000, expected a number > 0");
  refused({.guard = 0}, "Online: guard is 0.000000, expected a finite number > 0");
  for (const OnlineRule& rule : {OnlineRule(Rtrl{1}), OnlineRule(Uoro{}), OnlineRule(RollingBptt{8})}) {
    const std::uint64_t bytes = BasicOnline<double>::plan(network, {.rule = rule}).bytes;
    CHECK_THROWS_AS(BasicOnline<double>(network, {.rule = rule, .max_bytes = bytes - 1}), std::length_error);
    CHECK_NOTHROW(BasicOnline<double>(network, {.rule = rule, .max_bytes = bytes}));
    CHECK_THROWS_AS(BasicOnline<double>(network, {.rule = rule, .batch = Index(1) << 50}), std::length_error);
  }
  for (const OnlineRule& rule : {OnlineRule(Rtrl{Index(1) << 62}), OnlineRule(RollingBptt{Index(1) << 62})}) {
    CHECK_THROWS_AS(BasicOnline<double>(network, {.rule = rule}), std::length_error);
  }
}

TEST_CASE("online: a step that overflows is not made") {
  BasicNetwork<double> network({linear(1, 1), elman(1, 1, "relu"), linear(1, 1)}, std::uint64_t(1));
  std::fill(network.flat().begin(), network.flat().end(), 1e100);
  BasicNetwork<double> same = network;
  const OnlineOptions options{.optimizer = Sgd{.learning_rate = 0}};
  BasicOnline<double> learner(network, options), twin(same, options);
  Vector y(1), expected(1);
  for (const double x : {-1e100, 1e250, -1e100}) {  // the first layer's output is below 0, the second's 0
    if (x > 0) {
      CHECK_THROWS_AS(learner.step({{x}}, y), std::overflow_error);
      CHECK_THROWS_AS(learner.predict({{x}}, y), std::overflow_error);
      continue;
    }
    learner.step({{x}}, y);
    twin.step({{x}}, expected);
    CHECK(y == expected);
  }
  CHECK(learner.report().steps == 2);
}

TEST_CASE("online: predict gives a step's outputs and changes nothing") {
  const auto predicts = [](BasicOnline<double>& learner, const test::OnlineData& data, Index t) {
    Vector y(std::size_t(2 * data.outputs));
    learner.predict(data.input((t + 5) % data.steps), y);
    learner.predict(data.input(t), y);
    Vector again(y.size());
    learner.predict(data.input(t), again);
    CHECK(again == y);
  };
  for (const auto& specs : test::causal_networks())
    for (const OnlineRule& rule : rules(specs)) {
      const OnlineOptions options{.rule = rule, .optimizer = Adam{.learning_rate = 1e-2}, .batch = 2, .update_every = 3};
      CHECK(run(specs, options, predicts) == run(specs, options, nothing));
    }
  BasicNetwork<double> network = test::drawn_network(test::causal_networks()[1], 0.4);
  const test::OnlineData data(network, 9);
  BasicOnline<double> learner(network, {.rule = Rtrl{3}});
  Vector before(2), y(2);
  for (Index t = 0; t < data.steps; ++t) {
    learner.predict(data.input(t), before);
    learner.step(data.input(t), y, data.target(t));
    CHECK(before == y);
  }
}

// Recurrent weights with a spectral radius above 1: J, walks and estimates grow without bounds; the guard sees to it.
TEST_CASE("online: what is masked or of weight 0 is not looked at and teaches nothing") {
  const std::vector<LayerSpec> specs{gru(2, 3), linear(3, 1)};
  const std::uint8_t mask[] = {1, 0}, none[] = {0, 0};
  std::vector<Vector> weights;
  for (int way = 0; way < 3; ++way) {
    BasicNetwork<double> network = test::drawn_network(specs, 0.4);
    const test::OnlineData data(network, 9, 2);
    BasicOnline<double> learner(network, {.rule = Rtrl{3}, .optimizer = Adam{.learning_rate = 1e-2}, .batch = 2});
    for (Index t = 0; t < data.steps; ++t) {
      const Vector target{data.y[std::size_t(2 * t)], way == 2 ? data.y[std::size_t(2 * t + 1)] : not_a_number};
      const double loss = way == 0   ? learner.step(data.input(t), {}, {target.data(), nullptr, mask})
                          : way == 1 ? learner.step(data.input(t), {}, {target.data()}, {{1, 0}})
                                     : learner.step(data.input(t), {}, {target.data()}, {{1, 1e-300}});
      CHECK(loss > 0);
      CHECK(learner.step(data.input(t), {}, {target.data(), nullptr, none}) == 0);
    }
    CHECK(learner.report().updates == std::uint64_t(data.steps));
    weights.emplace_back(network.flat().begin(), network.flat().end());
  }
  CHECK(weights[0] == weights[1]);
  CHECK(difference(weights[0], weights[2]) < 1e-12);
}

TEST_CASE("online: what explodes is stopped by the guard, and learning goes on") {
  for (const double radius : {1.5, 3.0})
    for (const std::string cell : {"Elman", "LSTM"})
      for (const OnlineRule& rule :
           {OnlineRule(Rtrl{1}), OnlineRule(Rtrl{7}), OnlineRule(Rtrl{0}), OnlineRule(Uoro{3}), OnlineRule(RollingBptt{40})}) {
        CAPTURE(radius);
        CAPTURE(cell);
        CAPTURE(rule.index());
        constexpr Index units = 4;
        BasicNetwork<double> network({cell == "Elman" ? elman(2, units, "relu") : lstm(2, units), linear(units, 1)},
                                     std::uint64_t(1));
        for (const Parameter& p : network.parameters()) {
          double* w = network.flat().data() + p.offset;
          if (p.name.ends_with("bias")) std::fill_n(w, p.size, cell == "LSTM" ? 3.0 : 0.0);
          if (!p.name.ends_with("weight_hh")) continue;
          for (Index i = 0; i < p.size; ++i) w[i] = (i / units) % units == (i % units) ? radius : 0;
        }
        BasicOnline<double> learner(
            network, {.rule = rule, .optimizer = Sgd{.learning_rate = 1e-4}, .batch = 2, .clip_norm = 1.0, .guard = 1e3});
        const Vector x = test::random_vector(7, 200 * 4, 0.01);
        bool finite = true;
        for (Index t = 0; t < 200; ++t) {
          if (t % 25 == 0) learner.reset();  // before the state itself is too large
          learner.step(std::span(x).subspan(std::size_t(4 * t), 4), {}, {Vector{0, 0}.data()});
          for (const auto& values : {std::span<const double>(network.flat()), learner.gradient()})
            for (const double w : values) finite = finite && std::isfinite(w);
        }
        CHECK(finite);
        // Three steps to the power of 25 or 1.5 to that of 25 (25 000): all rules meet bounds of 1000; the LSTM's are tighter.
        if (cell == "Elman") CHECK(learner.report().guard_events > 0);
        const std::uint64_t events = learner.report().guard_events;
        learner.reset();
        learner.step(std::span(x).first(4), {}, {Vector{1, 1}.data()});
        CHECK(learner.report().guard_events == events);
        CHECK(difference(learner.gradient(), Vector(network.flat().size())) > 0);
      }
}

TEST_CASE("online: an error whose gradient has no finite square is left out and counted; every weight learns on") {
  for (const Optimizer& optimizer : {Optimizer(Adam{}), Optimizer(RmsProp{}), Optimizer(Adagrad{}), Optimizer(Sgd{})})
    for (const std::optional<double> clip : {std::optional<double>(), std::optional<double>(1.0)}) {
      CAPTURE(optimizer.index());
      Network network({elman(2, 3), linear(3, 1)}, std::uint64_t(1));
      Online learner(network, {.optimizer = optimizer, .clip_norm = clip});
      const std::vector<float> x{0.5f, -0.25f}, usual{1}, wild{1e22f}, before(network.flat().begin(), network.flat().end());
      learner.step(x, {}, {wild.data()});
      CHECK(learner.report().guard_events == (clip ? 0 : 1));
      CHECK(learner.report().updates == (clip ? 1 : 0));
      if (!clip) CHECK(std::ranges::equal(network.flat(), before));
      CHECK(std::ranges::any_of(learner.gradient(), [](float value) { return value != 0; }) == clip.has_value());
      for (int t = 0; t < 5; ++t) learner.step(x, {}, {usual.data()});
      CHECK(learner.report().guard_events == (clip ? 0 : 1));
      for (std::size_t j = 0; j < before.size(); ++j) CHECK(network.flat()[j] != before[j]);
    }
}

TEST_CASE("online: after an update that was undone, the gradient is that of the last one made") {
  for (const std::optional<double> clip : {std::optional<double>(), std::optional<double>(1e149)}) {
    CAPTURE(clip.has_value());
    BasicNetwork<double> network({elman(1, 2), linear(2, 1)}, std::uint64_t(1));
    std::ranges::fill(network.flat(), 0.0);
    BasicOnline<double> learner(network, {.optimizer = Sgd{.learning_rate = 1e160}, .clip_norm = clip});
    const Vector x{1}, tiny{1e-160}, wild{1e150};
    learner.step(x, {}, {tiny.data()});
    REQUIRE(learner.report().updates == 1);
    const Vector made(learner.gradient().begin(), learner.gradient().end()),
        weights(network.flat().begin(), network.flat().end());
    CHECK(std::ranges::any_of(made, [](double value) { return value != 0; }));
    learner.step(x, {}, {wild.data()});
    CHECK(learner.report().updates == 1);
    CHECK(learner.report().guard_events == 1);
    CHECK(std::ranges::equal(network.flat(), weights));
    CHECK(std::ranges::equal(learner.gradient(), made));
  }
}

#if RECURRA_COUNTS_ALLOCATIONS && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 33)
TEST_CASE("online: the bytes of a report are about those that a learner takes, of many rows too") {
  const auto used = [] {
    const auto info = mallinfo2();
    return double(info.uordblks + info.hblkhd);
  };
  for (const OnlineRule& rule :
       {OnlineRule(Rtrl{0}), OnlineRule(Rtrl{1}), OnlineRule(Rtrl{4, Rtrl::Scope::layer}), OnlineRule(SnAp{}),
        OnlineRule(EProp{}), OnlineRule(KfRtrl{}), OnlineRule(Uoro{}), OnlineRule(RollingBptt{20})})
    for (const Index rows : {1, 16})
      for (const auto& specs : {std::vector<LayerSpec>{lstm(8, 32), linear(32, 1)}, {elman(8, 8), linear(8, 300)}}) {
        CAPTURE(rule.index());
        CAPTURE(rows);
        Network network(specs, std::uint64_t(1));
        const OnlineOptions options{.rule = rule, .batch = rows};
        const double before = used();
        const Online learner(network, options);
        const double bytes = used() - before;
        CHECK(bytes < 1.5 * double(learner.report().bytes) + 1e5);
        CHECK(bytes > 0.4 * double(learner.report().bytes));
      }
}
#endif
#endif

TEST_CASE("online: an event is one row's, and its state stays") {
  const std::vector<LayerSpec> specs{elman(1, 1, "relu"), linear(1, 1)};
  BasicNetwork<double> network(specs, std::uint64_t(1));
  std::fill(network.flat().begin(), network.flat().end(), 2.0);
  BasicOnline<double> learner(network, {.rule = Rtrl{1}, .optimizer = Sgd{.learning_rate = 1e-12}, .batch = 2, .guard = 50});
  double state = 0;
  const Vector before(network.flat().begin(), network.flat().end());
  for (int t = 0; t < 8; ++t) {
    Vector x{1, -1e3}, y(2);  // the second row's unit is off
    learner.step(x, y, {Vector{0, 0}.data()});
    state = 2 * state + 2 + 2;
    CHECK(y[0] == doctest::Approx(2 * state + 2).epsilon(1e-3));
    CHECK(y[1] == doctest::Approx(2).epsilon(1e-3));
  }
  const OnlineReport report = learner.report();
  CHECK(report.guard_events > 0);
  CHECK(report.guard_events < 8);
  CHECK(report.updates == 8);  // J grew after the update that it had part in: the next one is not lost
  CHECK(difference(network.flat(), before) < 1e-3);
}

TEST_CASE("online: the gradient of sequences by a rule that needs too much memory is refused, and nothing has changed") {
  const BasicNetwork<double> network = test::drawn_network({elman(3, 4), linear(4, 2)}, 0.5);
  const test::OnlineData data(network, 6);
  const auto add_gradient = [&](Vector& sum, std::uint64_t max_bytes) {
    online_gradient<double>(network, {data.x.data(), 1, 6}, {data.y.data()}, Loss::mse, Rtrl{2}, sum.data(), {}, max_bytes);
  };
  const std::uint64_t bytes = BasicOnline<double>::plan(network, {.rule = Rtrl{2}, .update_every = 6}).bytes;
  const Vector half(network.flat().size(), 0.5);
  Vector sum = half, same = half;
  const std::string message = "loss_and_gradient: RTRL(block=2) needs about " + std::to_string(bytes) +
                              " bytes for this network, expected at most " + std::to_string(bytes - 1);
  CHECK_THROWS_WITH_AS(add_gradient(sum, bytes - 1), message.c_str(), std::length_error);
  CHECK(sum == half);
  add_gradient(sum, bytes);
  add_gradient(same, 0);
  CHECK(sum == same);
  CHECK(sum != half);
}

#if defined(__SSE__)
TEST_CASE("online: traces that decay make no subnormal numbers, and the caller's mode is back") {
  constexpr unsigned modes = 0xffc0;  // without the flags of what has happened
  const unsigned before = _mm_getcsr() & modes;
  Network network({elman(1, 3), linear(3, 1)}, std::uint64_t(1));
  for (float& w : network.flat()) w = std::abs(w) * 0.3f;
  for (const OnlineRule& rule : {OnlineRule(Rtrl{1}), OnlineRule(Rtrl{7})}) {
    Online learner(network,
                   {.rule = rule, .optimizer = Sgd{.learning_rate = 0}, .leak = rule == OnlineRule(Rtrl{1}) ? 0.5 : 1.0});
    const auto step = [&](float x) {
      learner.step({{x}}, {});
      CHECK((_mm_getcsr() & modes) == before);
    };
    step(1);
    for (int t = 0; t < 300; ++t) {
      step(0);
      std::vector<float> y(1);
      learner.predict({{0.0f}}, y);
      for (const char* name : {"0.weight_ih", "0.weight_hh", "0.bias"})
        for (const float j : learner.influence(name)) CHECK((j == 0 || std::abs(j) >= std::numeric_limits<float>::min()));
    }
    for (const float j : learner.influence("0.weight_ih")) CHECK(j == 0);  // all of it is gone, and not a tiny rest
    CHECK_THROWS_AS(step(std::numeric_limits<float>::infinity()), std::invalid_argument);
    CHECK((_mm_getcsr() & modes) == before);
    learner.reset();
    learner.reload();
    CHECK((_mm_getcsr() & modes) == before);
  }
}
#endif

TEST_CASE("online: a step allocates nothing, whatever it does") {
  std::vector<std::vector<LayerSpec>> all = test::causal_networks();
  for (const std::string& cell : all_layers()) all.push_back(test::cell_stack(cell, 3, 2, 4));
  for (const auto& specs : all)
    for (const OnlineRule& rule : rules(specs)) {
      CAPTURE(to_string(specs.front()));
      CAPTURE(rule.index());
      BasicNetwork<double> network = test::drawn_network(specs, 0.3);
      for (const Parameter& p : network.parameters())  // some of which are tied
        if (const std::string other = "1." + p.name.substr(2); p.name.starts_with("0."))
          if (std::ranges::any_of(network.parameters(), [&](const auto& q) { return q.name == other && q.shape == p.shape; }))
            network.tie({p.name, other});
      const test::OnlineData data(network, 23, 2);
      BasicOnline<double> learner(
          network, {.rule = rule, .optimizer = Adam{}, .batch = 2, .update_every = 2, .clip_norm = 1.0, .guard = 10});
      Vector y(std::size_t(2 * data.outputs));
      const Vector weights{0.5, 1};
      std::size_t count;
      {
        const test::Allocations allocations;
        for (Index t = 0; t < data.steps; ++t) {
          learner.predict(data.input(t), y);
          learner.step(data.input(t), y, t % 4 ? data.target(t) : Target<double>{}, weights,
                       t % 3 ? std::span<const double>{} : data.teacher(t));
          if (t == 8) learner.reset(1);
          if (t == 16) learner.reset();
        }
        count = allocations.count();
      }
      CHECK(count == 0);
    }
}

// Teachers at some steps only, learned initial states and sequences that follow each other = the loss of a stream, by central
// differences.
TEST_CASE("online: teachers now and then, and new sequences in between") {
  const Options learned{{"learned_initial_state", true}};
  const std::vector<std::vector<LayerSpec>> networks{
      {delay(1, {{"input_size", std::int64_t(2)}}), feedback({linear(4 + 4, 3), layers::tanh(), linear(3, 2)}, 2)},
      {gru(2, 3, "after", learned), feedback({elman(3 + 2, 2, "tanh", learned)}, 1), linear(2, 2)},
      {lstm(2, 3, learned), lstm(3, 2), linear(2, 2)},
  };
  constexpr Index steps = 12;
  const auto taught = [](Index t) { return t % 4 == 1 || t % 4 == 2; };
  const auto begins = [](Index t) { return t == 7; };
  for (const auto& specs : networks) {
    CAPTURE(to_string(specs.front()));
    BasicNetwork<double> network = test::drawn_network(specs, 0.6);
    const test::OnlineData data(network, steps);
    const Vector slope = test::central_difference(network.flat(), [&] {
      BasicStream<double> stream(network);
      Vector y(2);
      double loss = 0;
      for (Index t = 0; t < steps; ++t) {
        if (begins(t)) stream.reset();
        REQUIRE(stream.step(data.input(t), y));
        if (taught(t) && data.taught > 0) REQUIRE(stream.observe(data.teacher(t)));
        for (Index j = 0; j < 2; ++j) loss += std::pow(y[std::size_t(j)] - data.y[std::size_t(2 * t + j)], 2) / 2;
      }
      return loss;
    });
    for (const OnlineRule& rule :
         {OnlineRule(Rtrl{1}), OnlineRule(Rtrl{5}), OnlineRule(Rtrl{0}), OnlineRule(RollingBptt{steps})}) {
      CAPTURE(rule.index());
      for (const Index every : {Index(1), steps}) {
        BasicOnline<double> learner(network, {.rule = rule, .optimizer = Sgd{.learning_rate = 0}, .update_every = every});
        Vector sum(slope.size());
        for (Index t = 0; t < steps; ++t) {
          if (begins(t)) learner.reset();
          learner.step(data.input(t), {}, data.target(t), {}, taught(t) ? data.teacher(t) : std::span<const double>{});
          for (std::size_t j = 0; (t + 1) % every == 0 && j < sum.size(); ++j) sum[j] += learner.gradient()[j];
        }
        CHECK(difference(sum, slope) < 1e-8);
      }
    }
  }
}

TEST_CASE("online: learners in several threads do not know of each other") {
  const OnlineOptions base{.optimizer = Adam{.learning_rate = 1e-2}, .batch = 2};
  std::vector<std::pair<std::vector<LayerSpec>, OnlineOptions>> jobs;
  for (const auto& specs : test::causal_networks())
    for (const OnlineRule& rule : rules(specs)) {
      jobs.emplace_back(specs, base);
      jobs.back().second.rule = rule;
    }
  std::vector<Vector> alone, together(jobs.size());
  for (const auto& [specs, options] : jobs) alone.push_back(run(specs, options, nothing));
  std::vector<std::thread> threads;
  for (std::size_t first = 0; first < 4; ++first)
    threads.emplace_back([&, first] {
      for (std::size_t i = first; i < jobs.size(); i += 4) together[i] = run(jobs[i].first, jobs[i].second, nothing);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(together == alone);
}
