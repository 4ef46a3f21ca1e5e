// UORO: on average over its random signs, the exact gradient; the same seed, the same bits.
#include <doctest/doctest.h>

#include "online_run.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using Vector = std::vector<double>;

constexpr Index steps = 5;
constexpr int seeds = 20000;

// Mean and standard error, element by element.
struct Average {
  void add(std::span<const double> values) {
    sum.resize(values.size());
    squares.resize(values.size());
    for (std::size_t j = 0; j < values.size(); ++j) {
      sum[j] += values[j];
      squares[j] += values[j] * values[j];
    }
    ++count;
  }
  double mean(std::size_t j) const { return sum[j] / count; }
  double error(std::size_t j) const { return std::sqrt(std::max(0.0, squares[j] / count - mean(j) * mean(j)) / (count - 1)); }
  Vector sum, squares;
  int count = 0;
};

// Within four standard errors of the exact gradient; and so precise that one without the past is not, if it differs.
void check_average(const Average& average, std::span<const double> exact, std::span<const double> without_past) {
  double worst = 0, told = 0;
  for (std::size_t j = 0; j < exact.size(); ++j) {
    const double error = average.error(j) + 1e-10;  // where nothing is random, rounding is left
    worst = std::max(worst, std::abs(average.mean(j) - exact[j]) / error);
    if (average.error(j) > 0) told = std::max(told, std::abs(without_past[j] - exact[j]) / error);
  }
  CHECK(worst < 4);
  CHECK(told > 8);
}

const std::vector<std::vector<LayerSpec>>& networks() {
  const Options learned{{"learned_initial_state", true}};
  static const std::vector<std::vector<LayerSpec>> all{
      {elman(2, 3), linear(3, 1)},
      {gru(2, 3), linear(3, 1)},
      {lstm(2, 2), lstm(2, 2), linear(2, 1)},
      {delay(1, {{"input_size", std::int64_t(2)}}), feedback({linear(4 + 2, 3), layers::tanh(), linear(3, 1)}, 2)},
      {linear(2, 2), layers::tanh(), delay(2, {{"dilation", std::int64_t(2)}}), linear(6, 1)},
      {elman(2, 3, "tanh", learned), linear(3, 1)},
  };
  return all;
}

Vector gradient_of(const BasicNetwork<double>& network, const test::OnlineData& data, const OnlineRule& rule) {
  Vector gradient(network.flat().size());
  online_gradient<double>(network, {data.x.data(), 1, steps}, {data.y.data()}, Loss::mse, rule, gradient.data());
  return gradient;
}

// The gradients of all steps, added up, while the weights are moved from outside; teachers at some steps.
Vector moving_gradient(const std::vector<LayerSpec>& specs, OnlineOptions options) {
  options.optimizer = Sgd{.learning_rate = 0};
  BasicNetwork<double> network = test::drawn_network(specs, 0.6);
  const test::OnlineData data(network, steps);
  BasicOnline<double> learner(network, options);
  Vector sum(network.flat().size());
  for (Index t = 0; t < steps; ++t) {
    learner.step(data.input(t), {}, data.target(t), {}, t == 2 ? data.teacher(t) : std::span<const double>{});
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += learner.gradient()[j];
    const Vector by = test::random_vector(std::uint64_t(10 + t), Index(sum.size()), 0.2);
    for (std::size_t j = 0; j < sum.size(); ++j) network.flat()[j] += by[j];
    learner.reload();
  }
  return sum;
}

}  // namespace

TEST_CASE("uoro: the mean over the seeds is the exact gradient") {
  for (const auto& specs : networks()) {
    CAPTURE(to_string(specs.front()));
    const BasicNetwork<double> network = test::drawn_network(specs, 0.8);
    const test::OnlineData data(network, steps);
    Average average;
    for (int seed = 0; seed < seeds; ++seed) average.add(gradient_of(network, data, Uoro{std::uint64_t(seed)}));
    check_average(average, gradient_of(network, data, Rtrl{}), gradient_of(network, data, RollingBptt{1}));
  }
}

TEST_CASE("uoro: so it is while the weights move, with teachers, and with a leak") {
  for (const double leak : {1.0, 0.6})
    for (const std::size_t n : {0, 3}) {
      Average average;
      for (int seed = 0; seed < seeds / 2; ++seed)
        average.add(moving_gradient(networks()[n], {.rule = Uoro{std::uint64_t(seed)}, .leak = leak}));
      const Vector other = moving_gradient(networks()[n], {.rule = Rtrl{1}, .leak = leak < 1 ? 1.0 : 0.6});
      check_average(average, moving_gradient(networks()[n], {.rule = Rtrl{1}, .leak = leak}), other);
    }
}

TEST_CASE("uoro: the estimated influence is on average the exact one") {
  BasicNetwork<double> network = test::drawn_network(networks()[2], 0.8);
  const test::OnlineData data(network, steps);
  const auto influence = [&](const OnlineRule& rule, const char* name) {
    BasicOnline<double> learner(network, {.rule = rule, .optimizer = Sgd{.learning_rate = 0}});
    for (Index t = 0; t < steps; ++t) learner.step(data.input(t), {});
    return learner.influence(name);
  };
  for (const char* name : {"0.weight_ih", "1.weight_hh"}) {
    Average average;
    for (int seed = 0; seed < seeds / 2; ++seed) average.add(influence(Uoro{std::uint64_t(seed)}, name));
    const Vector exact = influence(Rtrl{}, name);
    check_average(average, exact, Vector(exact.size()));
  }
}

TEST_CASE("uoro: a seed is a choice of bits, rows have signs of their own, and memory does not grow") {
  BasicNetwork<double> network = test::drawn_network(networks()[2], 0.8);
  const test::OnlineData data(network, steps);
  CHECK(gradient_of(network, data, Uoro{7}) == gradient_of(network, data, Uoro{7}));
  CHECK(gradient_of(network, data, Uoro{7}) != gradient_of(network, data, Uoro{8}));
  BasicOnline<double> learner(network, {.rule = Uoro{7}, .optimizer = Sgd{.learning_rate = 0}, .batch = 2});
  for (Index t = 0; t < steps; ++t) {
    Vector twice(data.input(t).begin(), data.input(t).end());
    twice.insert(twice.end(), data.input(t).begin(), data.input(t).end());
    learner.step(twice, {});
  }
  const Vector both = learner.influence("0.weight_hh");
  CHECK_FALSE(std::equal(both.begin(), both.begin() + Index(both.size()) / 2, both.begin() + Index(both.size()) / 2));

  const OnlineReport report = learner.report();
  CHECK(report.rule == "UORO(seed=7)");
  CHECK_FALSE(report.exact);
  CHECK(report.dropped == std::vector<std::string>{"all but an outer product with the same mean: an unbiased estimate"});
  CHECK(report.flops_per_step > 0);
  const auto bytes = [](Index units, const OnlineRule& rule) {
    return double(BasicOnline<double>::plan(BasicNetwork<double>({lstm(8, units), linear(units, 1)}, 1), {.rule = rule}).bytes);
  };
  CHECK(bytes(128, Uoro{}) < 5 * bytes(64, Uoro{}));  // as the parameters do, 4 times; exact: 8 times
  CHECK(bytes(128, Rtrl{1}) > 6 * bytes(64, Rtrl{1}));
}
