// Truncated BPTT at every step = BPTT of a window that ends there, from the state carried so far; where the weights move, =
// central differences over the weights that the window's steps were made with.
#include <doctest/doctest.h>

#include "online_run.h"

namespace {

using namespace recurra;
using test::difference;
using Vector = std::vector<double>;

constexpr Index steps = 11;

// The same by whole sequences, weights at rest.
Vector gradient_of(const BasicNetwork<double>& network, const test::OnlineData& data, const OnlineRule& rule) {
  Vector gradient(network.flat().size());
  online_gradient<double>(network, {data.x.data(), 1, steps}, {data.y.data()}, Loss::mse, rule, gradient.data());
  return gradient;
}

// The gradient of the loss of step t alone over the window that ends there.
Vector window_gradient(const BasicNetwork<double>& network, const test::OnlineData& data, Index row, Index t, Index window) {
  const Index first = std::max<Index>(0, t - window + 1), length = t - first + 1;
  Vector x, y(std::size_t(length * data.outputs));
  for (Index s = 0; s <= t; ++s) {
    const auto from = data.input(s).subspan(std::size_t(row * data.inputs), std::size_t(data.inputs));
    x.insert(x.end(), from.begin(), from.end());
  }
  std::copy_n(data.y.begin() + (t * data.batch + row) * data.outputs, data.outputs, y.end() - data.outputs);
  std::vector<std::uint8_t> mask(std::size_t(length), 0);
  mask.back() = 1;
  BasicRunner<double> runner(network);
  BasicState<double> state(network, 1);
  Vector outputs(std::size_t(t * data.outputs + data.outputs)), gradient(network.flat().size());
  if (first > 0) runner.forward({x.data(), 1, first}, outputs.data(), &state);
  runner.loss_and_gradient({x.data() + first * data.inputs, 1, length}, {y.data(), nullptr, mask.data()}, Loss::mse,
                           gradient.data(), first > 0 ? &state : nullptr);
  return gradient;
}

void check_windows(const std::vector<LayerSpec>& specs, Index window, Index every) {
  BasicNetwork<double> network = test::drawn_network(specs, 0.6);
  const test::OnlineData data(network, 2 * steps + 1, 2);
  BasicOnline<double> learner(
      network, {.rule = RollingBptt{window}, .optimizer = Sgd{.learning_rate = 0}, .batch = 2, .update_every = every});
  Vector expected(network.flat().size());
  for (Index t = 0; t < data.steps; ++t) {
    const bool learns = t % 4 != 2;
    learner.step(data.input(t), {}, learns ? data.target(t) : Target<double>{});
    for (Index row = 0; learns && row < 2; ++row) {
      const Vector one = window_gradient(network, data, row, t, window);
      for (std::size_t j = 0; j < one.size(); ++j) expected[j] += one[j] / 2;
    }
    if ((t + 1) % every != 0) continue;
    if (learns || every > 1) CHECK(difference(learner.gradient(), expected) < 1e-12);
    std::fill(expected.begin(), expected.end(), 0.0);
  }
}

}  // namespace

TEST_CASE("rolling BPTT: a window as long as the sequence is exact, a shorter one is not") {
  std::vector<std::vector<LayerSpec>> all = test::causal_networks();
  for (const std::string& cell : all_layers()) all.push_back(test::cell_stack(cell, 3, 2, 4));
  for (const auto& specs : all) {
    CAPTURE(to_string(specs.front()));
    const BasicNetwork<double> network = test::drawn_network(specs, 0.6);
    const test::OnlineData data(network, steps);
    const Vector exact = gradient_of(network, data, Rtrl{});
    for (const Index window : {steps, steps + 1, 5 * steps}) {
      CHECK(difference(gradient_of(network, data, RollingBptt{window}), exact) < 1e-10);
    }
    for (const OnlineRule& huge : {OnlineRule(RollingBptt{Index(1) << 62}), OnlineRule(Rtrl{Index(1) << 62})}) {
      CHECK(difference(gradient_of(network, data, huge), exact) < 1e-10);
    }
    CHECK(difference(gradient_of(network, data, RollingBptt{1}), exact) > 1e-6);
  }
}

TEST_CASE("rolling BPTT: the gradient of each step is that of the window that ends there") {
  for (const auto& specs : test::causal_networks()) {
    CAPTURE(to_string(specs.front()));
    for (const Index window : {1, 2, 3, 5, 8})
      for (const Index every : {1, 3, 4}) {
        CAPTURE(window);
        CAPTURE(every);
        check_windows(specs, window, every);
      }
  }
}

TEST_CASE("rolling BPTT: each step is walked back with the weights it was made with") {
  using namespace layers;
  for (const auto& specs :
       {std::vector<LayerSpec>{lstm(2, 3), linear(3, 1)}, {gru(2, 2), feedback({linear(3, 1)}), linear(1, 1)}}) {
    constexpr Index window = 3;
    BasicNetwork<double> network = test::drawn_network(specs, 0.6), moved = network;
    const test::OnlineData data(network, steps);
    BasicOnline<double> learner(network, {.rule = RollingBptt{window}, .optimizer = Sgd{.learning_rate = 0.3}});
    std::vector<Vector> used;
    std::vector<BasicState<double>> before;
    for (Index t = 0; t < steps; ++t) {
      used.emplace_back(network.flat().begin(), network.flat().end());
      before.push_back(learner.state());
      learner.step(data.input(t), {}, data.target(t));
      const Index first = std::max<Index>(0, t - window + 1);
      Vector shift(network.flat().size()), y(1);
      const Vector slope = test::central_difference(shift, [&] {
        BasicState<double> state = before[std::size_t(first)];
        for (Index s = first; s <= t; ++s) {
          for (std::size_t j = 0; j < shift.size(); ++j) moved.flat()[j] = used[std::size_t(s)][j] + shift[j];
          BasicRunner<double>(moved).forward({data.input(s).data(), 1, 1}, y.data(), &state);
        }
        const double error = y[0] - data.y[std::size_t(t)];
        return error * error;
      });
      CHECK(difference(learner.gradient(), slope) < 1e-8);
    }
  }
}

TEST_CASE("rolling BPTT: a reload cuts the window only where weights are lost, and the report tells what it does") {
  using namespace layers;
  const std::vector<LayerSpec> specs{elman(3, 4), linear(4, 2)};
  BasicNetwork<double> network = test::drawn_network(specs, 0.6);
  const test::OnlineData data(network, steps);
  BasicOnline<double> learner(network, {.rule = RollingBptt{4}, .optimizer = Sgd{.learning_rate = 0}});
  for (Index t = 0; t < steps; ++t) {
    learner.step(data.input(t), {}, data.target(t));
    if (t == 5) learner.reload();
    if (t == 8)
      for (int i = 0; i < 50; ++i) learner.reload();
    CHECK(difference(learner.gradient(), window_gradient(network, data, 0, t, t > 8 ? t - 8 : 4)) < 1e-12);
  }
  const OnlineReport report = learner.report();
  CHECK(report.rule == "BPTT(window=4)");
  CHECK_FALSE(report.exact);
  CHECK(report.dropped == std::vector<std::string>{"what lies more than 4 steps back"});
  CHECK(report.bytes > 0);
  CHECK(report.flops_per_step > 0);
  CHECK_THROWS_WITH_AS(BasicOnline<double>(network, {.rule = RollingBptt{0}}), "BPTT: window is 0, expected at least 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(BasicOnline<double>(network, {.rule = RollingBptt{4}, .leak = 0.5}),
                       "Online: leak is 0.500000, expected 1 for BPTT, which forgets what its window does not reach",
                       std::invalid_argument);
  CHECK_THROWS_AS(BasicOnline<double>(network, {.rule = RollingBptt{std::numeric_limits<Index>::max()}}), std::length_error);
  CHECK_THROWS_AS(learner.influence("0.weight_hh"), std::invalid_argument);
}
