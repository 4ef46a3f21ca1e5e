// What ends a run early: an interrupt, and every input that does not fit. Nothing of the caller's has changed then.
#include <doctest/doctest.h>

#include <stdexcept>
#include <utility>

#include "batch_problem.h"

using namespace test::batches;
using test::difference;

TEST_CASE("runner: an interrupted batch leaves gradient and state as they were") {
  Batch b("LSTM", 5);
  const Sequences<double> sequences{b.x.data(), batch, longest, b.lengths.data()};
  for (const auto& [window, segment] : {std::pair<Index, Index>{0, 0}, {3, 0}, {0, 2}})
    for (int calls = 1; calls <= 6; ++calls) {
      CAPTURE(calls);
      int asked = 0;
      Vector gradient(b.network.flat().size(), 0.5);
      const Vector before = gradient;
      BasicState<double> state = b.initial;
      const RunOptions options{.window = window, .interrupt = [&] { return ++asked == calls; }, .segment = segment};
      bool interrupted = false;
      try {
        b.runner.loss_and_gradient(sequences, {b.target.data()}, Loss::mse, gradient.data(), &state, options);
      } catch (const InterruptedBatch&) {
        interrupted = true;
      }
      CHECK(interrupted == (asked == calls));
      CHECK(asked >= std::min(calls, 2));  // forward and backward both ask
      if (!interrupted) continue;
      CHECK(gradient == before);
      CHECK(difference(state.data(), b.initial.data()) == 0);
    }
  check_equal(b.run(), b.run(), 0);
}

TEST_CASE("runner: what does not fit is refused by name") {
  Batch b("LSTM", 5);
  Vector y(std::size_t(batch * longest * outputs)), gradient(b.network.flat().size());
  const Sequences<double> good{b.x.data(), batch, longest, b.lengths.data()};
  const auto refuse = [&](const char* message, const Sequences<double>& x, BasicState<double>* state = nullptr) {
    CHECK_THROWS_WITH_AS(b.runner.forward(x, y.data(), state), message, std::invalid_argument);
  };
  refuse("forward: x has batch 0 and time 7, expected at least 1 of each", {b.x.data(), 0, longest});
  refuse("forward: x has batch 5 and time 0, expected at least 1 of each", {b.x.data(), batch, 0});
  for (const Index bad : {Index(-1), longest + 1}) {
    b.lengths[1] = bad;
    refuse(("forward: lengths[1] is " + std::to_string(bad) + ", expected 0 .. 7").c_str(), good);
    b.lengths = some_lengths;
  }
  BasicState<double> small(b.network, 4), other(BasicNetwork<double>({layers::gru(3, 5)}), batch);
  refuse("forward: state is for a batch of 4, expected 5", good, &small);
  refuse(
      "forward: state has blocks [0.h of GRU(hidden_size=5, input_size=3, reset=after)], expected "
      "[0.h of LSTM(hidden_size=5, input_size=3), 0.c of LSTM(hidden_size=5, input_size=3)]",
      good, &other);
  BasicState<double> broken(b.network, batch);
  broken.row(2)[7] = std::numeric_limits<double>::quiet_NaN();
  refuse("forward: state has a non-finite value in '0.c' at (batch 2, unit 2), expected finite values", good, &broken);
  for (const Window window : {Window{-1, 3}, Window{3, 2}, Window{0, longest + 1}})
    CHECK_THROWS_AS(b.runner.window_gradient(good, {b.target.data(), nullptr}, Loss::mse, window, gradient.data(), nullptr, {}),
                    std::invalid_argument);
  CHECK_THROWS_WITH_AS(b.runner.loss(good, {b.target.data(), nullptr}, Loss::cross_entropy),
                       "loss: the target has no classes, expected them for cross_entropy", std::invalid_argument);

  double& damaged = b.x[std::size_t((3 * longest + 4) * inputs + 1)];
  damaged = std::numeric_limits<double>::infinity();
  refuse("x has the non-finite value inf at (batch 3, time 4, feature 1), expected finite values", good);
  damaged = 0;
  b.target[std::size_t((1 * longest + 6) * outputs)] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(b.runner.loss(good, {b.target.data()}, Loss::mse),
                       "target has the non-finite value nan at (batch 1, time 6, feature 0), expected finite values",
                       std::invalid_argument);
  b.target[std::size_t((1 * longest + 6) * outputs)] = 0;
  const std::vector<std::int64_t> classes(batch * longest, 2);
  CHECK_THROWS_WITH_AS(b.runner.loss(good, {nullptr, classes.data()}, Loss::cross_entropy),
                       doctest::Contains("target has the class id 2 at (batch "), std::invalid_argument);
  CHECK_THROWS_WITH_AS(b.runner.loss_and_gradient(good, {b.target.data()}, Loss::mse, gradient.data(), nullptr, {-1}),
                       "loss_and_gradient: window is -1, expected at least 1", std::invalid_argument);
  CHECK(gradient == Vector(gradient.size()));

  BasicNetwork<double> ids({layers::embedding(4, 3), layers::lstm(3, 5), layers::last()});
  BasicRunner<double> runner(ids);
  for (const auto& [bad, text] :
       {std::pair{-1.0, "-1"}, std::pair{4.0, "4"}, std::pair{1.5, "1.5"}, std::pair{1e300, "1e+300"}}) {
    const Vector id{0, bad, 3};
    const std::string message = std::string("x has the class id ") + text + " at (batch 0, time 1), expected 0 .. 3";
    CHECK_THROWS_WITH_AS(runner.forward({id.data(), 1, 3}, y.data()), message.c_str(), std::invalid_argument);
  }
  const Vector fine{0, 2, 3};
  CHECK_THROWS_WITH_AS(runner.loss_and_gradient({fine.data(), 1, 3}, {b.target.data()}, Loss::mse, gradient.data(), nullptr, {2}),
                       "loss_and_gradient: a window cuts the time axis, but the network pools over it", std::invalid_argument);
}

TEST_CASE("runner: another network may be assigned between calls") {
  BasicNetwork<double> network({layers::gru(3, 5), layers::linear(5, 2)}, 1);
  BasicRunner<double> runner(network);
  const std::vector<double> x = test::random_vector(1, 4 * 6 * 3);
  Vector y(4 * 6 * 2), expected(4 * 6 * 2);
  runner.forward({x.data(), 4, 6}, y.data());
  network = BasicNetwork<double>({layers::lstm(3, 40), layers::linear(40, 2)}, 2);
  runner.forward({x.data(), 4, 6}, y.data());
  BasicRunner<double>(network).forward({x.data(), 4, 6}, expected.data());
  CHECK(y == expected);
}

TEST_CASE("runner: a sequence longer than a piece of inference equals its halves") {
  BasicNetwork<double> network({layers::elman(1, 3)}, 1);
  BasicRunner<double> runner(network);
  const Index time = 70000, half = 30000;
  const std::vector<double> x = test::random_vector(1, time);
  Vector whole(std::size_t(time) * 3), parts(whole.size());
  BasicState<double> state(network, 1), last(network, 1);
  runner.forward({x.data(), 1, time}, whole.data(), &last);
  runner.forward({x.data(), 1, half}, parts.data(), &state);
  runner.forward({x.data() + half, 1, time - half}, parts.data() + half * 3, &state);
  CHECK(whole == parts);
  CHECK(std::ranges::equal(state.data(), last.data()));
}
