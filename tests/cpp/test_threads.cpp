// A batch shared by threads: the same up to the order of one sum, and the same bits for the same number.
#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "batch_problem.h"
#include "learning/shards.h"
#include "recurra/threads.h"

using namespace test::batches;

TEST_CASE("threads: the number of threads changes only the order of the sum, the same number gives the same bits") {
  const int before = num_threads();
  // Enough work for three shards.
  const Index rows = 12, steps = 40, units = 24;
  BasicNetwork<double> network(
      {layers::lstm(inputs, units), layers::dropout(0.2), layers::gru(units, 9), layers::linear(9, outputs)});
  const Vector x = test::random_vector(2, rows * steps * inputs), target = test::random_vector(3, rows * steps * outputs);
  const std::vector<Index> lengths{40, 3, 17, 40, 0, 22, 39, 8, 31, 31, 12, 40};
  const auto run = [&](int threads) {
    set_num_threads(threads);
    CHECK(num_threads() == threads);
    BasicRunner<double> runner(network);
    Batch::Result result{Vector(std::size_t(rows * steps * outputs)), {}, Vector(network.flat().size()), 0};
    BasicState<double> state(network, rows);
    const Sequences<double> sequences{x.data(), rows, steps, lengths.data()};
    runner.forward(sequences, result.y.data(), &state);
    result.state.assign(state.data().begin(), state.data().end());
    result.loss = runner.loss_and_gradient(sequences, {target.data()}, Loss::mse, result.gradient.data(), nullptr, {0, true, 5});
    return result;
  };
  const Batch::Result one = run(1);
  for (const int threads : {2, 3}) {
    const Batch::Result several = run(threads);
    check_equal(several, one, 1e-12);
    CHECK(several.gradient != one.gradient);  // it was split
    for (int repeat = 0; repeat < 3; ++repeat) check_equal(run(threads), several, 0);
  }
  set_num_threads(before);
  CHECK_THROWS_AS(set_num_threads(0), std::invalid_argument);
}

TEST_CASE("threads: an error in any part reaches the caller, and nothing of his has changed") {
  const int before = num_threads();
  set_num_threads(3);
  const Index rows = 12, steps = 40;
  const BasicNetwork<double> network({layers::lstm(inputs, 24), layers::gru(24, 9), layers::linear(9, outputs)});
  BasicRunner<double> runner(network);
  const Vector target(std::size_t(rows * steps * outputs));
  for (const Index bad : {0, 1, 2, 7, 11}) {
    Vector x = test::random_vector(2, rows * steps * inputs), gradient(network.flat().size(), 0.5);
    x[std::size_t((bad * steps + 33) * inputs)] = std::numeric_limits<double>::quiet_NaN();
    BasicState<double> state(network, rows);
    const std::string message = "x has the non-finite value nan at (batch " + std::to_string(bad) + ", time 33, feature 0)";
    CHECK_THROWS_WITH_AS(runner.loss_and_gradient({x.data(), rows, steps}, {target.data()}, Loss::mse, gradient.data(), &state),
                         doctest::Contains(message.c_str()), std::invalid_argument);
    CHECK(std::ranges::count(gradient, 0.5) == Index(gradient.size()));
    CHECK(std::ranges::count(state.data(), 0.0) == Index(state.data().size()));
  }
  set_num_threads(before);
}

TEST_CASE_TEMPLATE("threads: few rows through large matrices share each product, to the bit what one thread makes", T, float,
                   double) {
  const int before = num_threads();
  const Index steps = 9, units = sizeof(T) == 4 ? 200 : 140;  // partial panels and tiles
  const BasicNetwork<T> network({layers::lstm(37, units, {{"learned_initial_state", true}}),
                                 layers::gru(units, units, "before", {{"layer_norm", true}}), layers::linear(units, 5)});
  for (const Index rows : {1, 3}) {
    const std::vector<T> x = test::random_vector<T>(2, rows * steps * 37), target = test::random_vector<T>(3, rows * steps * 5);
    const auto run = [&](int threads) {
      set_num_threads(threads);
      BasicRunner<T> runner(network);
      std::vector<T> result(std::size_t(rows * steps * 5) + network.flat().size());
      const Sequences<T> sequences{x.data(), rows, steps};
      const int team = split(sequences, {steps, steps}, Index(network.flat().size()), step_memory(*network.model())).team;
      CHECK(team == threads);  // 1: it makes its products alone
      runner.forward(sequences, result.data());
      runner.loss_and_gradient(sequences, {target.data()}, Loss::mse, result.data() + rows * steps * 5);
      return result;
    };
    const std::vector<T> one = run(1);
    for (const int threads : {2, 3, 5}) CHECK(run(threads) == one);
  }
  set_num_threads(before);
}
