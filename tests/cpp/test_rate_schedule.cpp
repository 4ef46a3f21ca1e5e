// Schedules against their formulas, and fit's use of them.
#include <doctest/doctest.h>

#include <numbers>
#include <stdexcept>

#include "problem.h"
#include "recurra/fit.h"

namespace {

using namespace recurra;
using Vector = std::vector<double>;

// The rates of the first epochs of a run from 0.5 with these losses.
Vector rates(const RateSchedule& schedule, const Vector& losses) {
  Vector result;
  for (std::size_t epoch = 0; epoch <= losses.size(); ++epoch)
    result.push_back(scheduled_rate(schedule, 0.5, int(epoch), std::span(losses).first(epoch)));
  return result;
}

const Vector falling{5, 4, 3, 2, 1};

}  // namespace

TEST_CASE("rate_schedule: the rates = their formulas") {
  CHECK(rates(ConstantRate{}, falling) == Vector(6, 0.5));
  CHECK(rates(StepDecay{2, 0.5}, falling) == Vector{0.5, 0.5, 0.25, 0.25, 0.125, 0.125});
  CHECK(rates(ExponentialDecay{0.5}, falling) == Vector{0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625});
  CHECK(test::difference(rates(CosineDecay{4, 0.1}, falling), Vector{0.5, 0.3 + 0.2 * std::numbers::sqrt2 / 2, 0.3,
                                                                     0.3 - 0.2 * std::numbers::sqrt2 / 2, 0.1, 0.1}) < 1e-15);
  CHECK(rates(LinearWarmup{3, StepDecay{1, 0.5}}, falling) == Vector{0.125, 0.25, 0.375, 0.5, 0.25, 0.125});
}

TEST_CASE("rate_schedule: a plateau is more than `patience` epochs without enough progress") {
  const ReduceOnPlateau schedule{0.5, 1, 0.1, 0.1};
  CHECK(rates(schedule, falling) == Vector(6, 0.5));
  // 9.5 is not 10% below 10, 8 is; then two epochs in a row are not, and the count starts again.
  CHECK(rates(schedule, {10, 9.5, 8, 8, 7.5, 8, 8, 8, 8}) == Vector{0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.1});
  // A warm-up's losses are not looked at: 1 is no best to be measured by.
  CHECK(rates(LinearWarmup{1, schedule}, {1, 10, 8, 6, 6, 6}) == Vector{0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25});
}

TEST_CASE("rate_schedule: fit updates by the rate of each epoch, told in the history") {
  const Vector x = test::random_vector(1, 8 * 5), y = test::random_vector(2, 8 * 5);
  const Data<double> data{{x.data(), 8, 5}, {y.data()}};
  for (const RateSchedule& schedule : std::vector<RateSchedule>{ConstantRate{}, ExponentialDecay{0.5},
                                                                LinearWarmup{2, CosineDecay{3}}, ReduceOnPlateau{0.5, 0, 0.5}}) {
    CAPTURE(schedule.index());
    BasicNetwork<double> network({layers::gru(1, 4), layers::linear(4, 1)}, 1), expected = network;
    FitOptions options;
    options.optimizer = Sgd{0.3, 0.9};
    options.schedule = schedule;
    options.epochs = 6;
    const History history = fit<double>(network, data, &data, options);
    BasicOptimizer<double> optimizer(options.optimizer, Index(expected.flat().size()));
    Vector losses;
    for (int epoch = 0; epoch < 6; ++epoch) {
      const double rate = scheduled_rate(schedule, 0.3, epoch, losses);
      CHECK(history.epochs[std::size_t(epoch)].learning_rate == rate);
      optimizer.set_learning_rate(rate);
      Vector gradient(expected.flat().size());
      BasicRunner<double>(expected).loss_and_gradient(data.x, data.target, Loss::mse, gradient.data());
      optimizer.update(expected.flat(), gradient);
      losses.push_back(evaluate(expected, data, Loss::mse));
    }
    CHECK(test::difference(network.flat(), expected.flat()) < 1e-12);
  }
}

TEST_CASE("rate_schedule: settings out of range are refused by name") {
  const auto refuse = [](const RateSchedule& schedule, const char* message) {
    CHECK_THROWS_WITH_AS(check_schedule(schedule, 0.5), doctest::Contains(message), std::invalid_argument);
  };
  refuse(StepDecay{0}, "StepDecay: step_size is 0.000000, expected at least 1");
  refuse(StepDecay{1, 0}, "StepDecay: factor is ");
  refuse(ExponentialDecay{1.5}, "ExponentialDecay: factor is ");
  refuse(ExponentialDecay{std::nan("")}, "ExponentialDecay: factor is ");
  refuse(CosineDecay{0}, "CosineDecay: epochs is ");
  refuse(CosineDecay{5, -1}, "CosineDecay: minimum is ");
  refuse(CosineDecay{5, 1}, "CosineDecay: minimum is 1.000000, expected at most the learning rate, 0.5");
  refuse(ReduceOnPlateau{0.5, -1}, "ReduceOnPlateau: patience is ");
  refuse(ReduceOnPlateau{0.5, 1, 1}, "ReduceOnPlateau: threshold is ");
  refuse(ReduceOnPlateau{0.5, 1, 0, 1}, "ReduceOnPlateau: minimum is ");
  refuse(LinearWarmup{0}, "LinearWarmup: epochs is ");
  refuse(LinearWarmup{1, StepDecay{0}}, "StepDecay: step_size is ");
}
