// forecast = a stream that observes what was seen and then goes on by itself; observe(), its refusals, and what is refused.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "network_draw.h"
#include "recurra/forecast.h"
#include "recurra/stream.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;

constexpr Index rows = 3, seen_steps = 5, steps = 7;

const Options two_inputs{{"input_size", std::int64_t(2)}};
// With inputs beside the outputs, without, deep, around a cell, and with a layer in front.
const std::vector<std::vector<LayerSpec>> feeding{
    {feedback({linear(6, 2)}, 3)},
    {delay(1, two_inputs), feedback({linear(8, 5), layers::tanh(), linear(5, 2)}, 2)},
    {feedback({linear(4, 5), logistic(), linear(5, 2)})},
    {gru(2, 3), feedback({residual({lstm(5, 3), linear(3, 5)}), delay(2), linear(15, 2)})},
    {feedback({linear(3, 1)})},
    {feedback({linear(3, 4), dropout(0.5), linear(4, 1)}, 3)},
};

// y[batch][steps][outputs], one step at a time: what was seen is observed, then it goes on by itself.
template <class T>
std::vector<T> by_stream(const BasicNetwork<T>& network, const std::vector<T>& x, const std::vector<T>& seen) {
  const Index outputs = network.output_size(), inputs = network.input_size();
  std::vector<T> result(std::size_t(rows * steps * outputs));
  BasicStream<T> stream(network, rows);
  for (Index t = 0; t < seen_steps + steps; ++t) {
    std::vector<T> now, y(std::size_t(rows * outputs)), truth;
    for (Index i = 0; i < rows; ++i) {
      const auto from = x.begin() + (i * (seen_steps + steps) + t) * inputs;
      now.insert(now.end(), from, from + inputs);
    }
    REQUIRE(stream.step(now, y));
    for (Index i = 0; t < seen_steps && i < rows; ++i) {
      const auto from = seen.begin() + (i * seen_steps + t) * outputs;
      truth.insert(truth.end(), from, from + outputs);
    }
    if (t < seen_steps) REQUIRE(stream.observe(truth));
    for (Index i = 0; t >= seen_steps && i < rows; ++i)
      std::copy_n(y.begin() + i * outputs, outputs, result.begin() + (i * steps + t - seen_steps) * outputs);
  }
  return result;
}

template <class T>
void check_feeding(double tolerance) {
  for (std::size_t n = 0; n < feeding.size(); ++n) {
    CAPTURE(n);
    const BasicNetwork<T> network = test::random_network<T>(feeding[n], 0.5);
    const Index outputs = network.output_size();
    const std::vector<T> x = test::random_vector<T>(2, rows * (seen_steps + steps) * network.input_size()),
                         seen = test::random_vector<T>(3, rows * seen_steps * outputs);
    std::vector<T> y(std::size_t(rows * steps * outputs), T(7));
    forecast<T>(network, {seen.data(), rows, seen_steps, network.input_size() > 0 ? x.data() : nullptr}, steps, y.data());
    const std::vector<T> expected = by_stream(network, x, seen);
    CHECK(difference(y, expected) < tolerance);
    // What was seen makes a difference, to every row its own.
    std::vector<T> other = seen;
    for (Index j = 0; j < seen_steps * outputs; ++j) other[std::size_t(j)] += T(0.5);
    const std::vector<T> moved = by_stream(network, x, other);
    const Index row = steps * outputs;
    CHECK(difference(std::span(moved).first(std::size_t(row)), std::span(expected).first(std::size_t(row))) > 1e-3);
    CHECK(std::equal(moved.begin() + row, moved.end(), expected.begin() + row));
  }
}

// A network without Feedback: an output is the next input.
template <class T>
void check_plain(double tolerance) {
  const std::vector<std::vector<LayerSpec>> networks{
      {lstm(2, 4), linear(4, 2)}, {delay(3, two_inputs), linear(8, 2)}, {gru(2, 2)}, {linear(2, 2), dropout(0.5)}};
  for (std::size_t n = 0; n < networks.size(); ++n) {
    CAPTURE(n);
    const BasicNetwork<T> network = test::random_network<T>(networks[n], 0.5);
    const std::vector<T> seen = test::random_vector<T>(3, rows * seen_steps * 2);
    std::vector<T> y(std::size_t(rows * steps * 2)), expected(y.size());
    forecast<T>(network, {seen.data(), rows, seen_steps}, steps, y.data());
    for (Index i = 0; i < rows; ++i) {
      BasicStream<T> stream(network);
      std::vector<T> now(2), next(2);
      for (Index t = 0; t < seen_steps + steps - 1; ++t) {
        if (t < seen_steps) std::copy_n(seen.begin() + (i * seen_steps + t) * 2, 2, now.begin());
        REQUIRE(stream.step(now, next));
        now = next;
        if (t + 1 >= seen_steps) std::copy_n(now.begin(), 2, expected.begin() + (i * steps + t + 1 - seen_steps) * 2);
      }
    }
    CHECK(difference(y, expected) < tolerance);
  }
}

}  // namespace

TEST_CASE("forecast: with Feedback = a stream that observes, then runs in a closed loop") {
  check_feeding<float>(1e-5);
  check_feeding<double>(1e-13);
}

TEST_CASE("forecast: without Feedback = a stream whose outputs are its inputs") {
  check_plain<float>(1e-5);
  check_plain<double>(1e-13);
}

TEST_CASE("forecast: one step of each is enough; a network by hand") {
  // y_t = 0.5 y_{t-1} - 0.25 y_{t-2} + 1
  BasicNetwork<double> network({feedback({linear(2, 1)}, 2)});
  std::ranges::copy(std::vector<double>{0.5, -0.25, 1}, network.flat().begin());
  const double seen[] = {4, 2};
  double y[3];
  forecast<double>(network, {seen, 1, 2}, 3, y);
  CHECK(std::vector<double>(y, y + 3) == std::vector<double>{1, 1, 1.25});
  forecast<double>(network, {seen, 1, 1}, 1, y);  // nothing before it: zeros
  CHECK(y[0] == 3);
  BasicNetwork<double> doubling({linear(1, 1)});
  std::ranges::copy(std::vector<double>{2, 0}, doubling.flat().begin());
  forecast<double>(doubling, {seen, 2, 1}, 1, y);
  CHECK(std::vector<double>(y, y + 2) == std::vector<double>{8, 4});
}

TEST_CASE("forecast: what it refuses") {
  const std::vector<double> numbers(100, 0.5);
  std::vector<double> y(100, 7.0);
  const auto refuse = [&](std::vector<LayerSpec> layers, const SeenSeries<double>& seen, Index count,
                          const std::string& message) {
    CAPTURE(message);
    CHECK_THROWS_WITH_AS(forecast<double>(BasicNetwork<double>(std::move(layers)), seen, count, y.data()), message.c_str(),
                         std::invalid_argument);
    CHECK(y == std::vector<double>(100, 7.0));
  };
  const double* some = numbers.data();
  const LayerSpec with_input = feedback({linear(5, 2)});
  refuse({with_input}, {some, 1, 2, some}, 0, "forecast: steps is 0, expected at least 1");
  refuse({with_input}, {some, 0, 2, some}, 1, "forecast: history has batch 0 and time 2, expected at least 1 of each");
  refuse({with_input}, {some, 1, 0, some}, 1, "forecast: history has batch 1 and time 0, expected at least 1 of each");
  refuse({with_input}, {some, 1, 2}, 1, "forecast: x is missing, expected the inputs of all steps: the network has 3");
  const std::string ahead =
      "forecast: the network pools over time or looks ahead, expected an output per step that depends on earlier steps alone";
  refuse({lstm(2, 2), mean()}, {some, 1, 2}, 1, ahead);
  refuse({bidirectional(lstm(2, 1))}, {some, 1, 2}, 1, ahead);
  refuse({encoder_decoder({gru(2, 4)}, {gru(2, 4), linear(4, 2)})}, {some, 1, 2}, 1, ahead);
  refuse({feedback({linear(4, 2)}), feedback({linear(4, 2)})}, {some, 1, 2, some}, 1,
         "forecast: the network has several Feedback layers, expected one");
  const auto misfit = [](Index inputs, Index outputs) {
    return "forecast: the network has " + std::to_string(inputs) + " inputs and " + std::to_string(outputs) +
           " outputs, expected a Feedback as its last layer, or none and as many inputs as outputs";
  };
  refuse({linear(3, 2)}, {some, 1, 2}, 1, misfit(3, 2));
  refuse({feedback({linear(4, 2)}), linear(2, 2)}, {some, 1, 2}, 1, misfit(2, 2));
  refuse({embedding(4, 1)}, {some, 1, 2}, 1, misfit(1, 1));
  refuse({linear(2, 2)}, {some, 1, 2, some}, 1, "forecast: x is given, expected none: the network's own outputs are its inputs");
  // Values that are not finite, by their places.
  std::vector<double> bad = numbers;
  bad[7] = std::numeric_limits<double>::quiet_NaN();
  refuse({linear(2, 2)}, {bad.data(), 2, 2}, 1,
         "history has the non-finite value nan at (batch 1, time 1, feature 1), expected finite values");
  refuse({feedback({linear(2, 2)})}, {bad.data(), 2, 2}, 1,
         "history has the non-finite value nan at (batch 1, time 1, feature 1), expected finite values");
  refuse({with_input}, {some, 1, 2, bad.data()}, 1,
         "x has the non-finite value nan at (batch 0, time 2, feature 1), expected finite values");
  CHECK_THROWS_AS(
      forecast<double>(BasicNetwork<double>({with_input}), {some, 1, 2, some}, 1, y.data(), {.interrupt = [] { return true; }}),
      InterruptedBatch);
}

TEST_CASE("forecast: outputs that overflow are an error, with Feedback and without") {
  for (const std::vector<LayerSpec>& layers : {std::vector{feedback({linear(1, 1)})}, std::vector{linear(1, 1)}}) {
    BasicNetwork<double> network(layers);
    std::ranges::copy(std::vector<double>{1e200, 0}, network.flat().begin());
    const double seen = 1;
    std::vector<double> y(9);
    CHECK_THROWS_WITH_AS(forecast<double>(network, {&seen, 1, 1}, 9, y.data()),
                         "forecast: the output of step 1 is not finite, expected finite values", std::overflow_error);
    CHECK_THROWS_AS(forecast<double>(network, {&seen, 1, 1}, 2, y.data()), std::overflow_error);
    CHECK_NOTHROW(forecast<double>(network, {&seen, 1, 1}, 1, y.data()));
    CHECK(y[0] == 1e200);
  }
}
