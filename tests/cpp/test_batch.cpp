// Batches through a runner: rows are independent, padding is never read, states carry on, threads and windows agree.
#include <doctest/doctest.h>

#include <utility>

#include "problem.h"
#include "recurra/isa.h"
#include "recurra/runner.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::difference;
using Vector = std::vector<double>;

constexpr Index inputs = 3, outputs = 2, batch = 5, longest = 7;
const std::vector<Index> some_lengths{3, 7, 0, 5, 7};

// A network of one cell and a readout with data for it.
struct Batch {
  explicit Batch(const std::string& cell, Index units = 5)
      : network({cell_layer(cell, inputs, units), layers::linear(units, outputs)}, std::uint64_t(1)),
        runner(network),
        initial(network, batch) {
    const Vector params = test::random_vector(1, Index(network.flat().size()), 0.6);
    std::copy(params.begin(), params.end(), network.flat().begin());
    const Vector state = test::random_vector(3, Index(initial.data().size()));
    std::copy(state.begin(), state.end(), initial.data().begin());
  }

  struct Result {
    Vector y, state, gradient;
    double loss;
  };
  // `rows` of the arrays, all steps.
  Result run(const std::vector<Index>& rows, const Vector& values, const TrainingOptions& options = {}) {
    Result result{Vector(rows.size() * longest * outputs, -1), {}, Vector(network.flat().size()), 0};
    const Sequences<double> sequences{values.data(), Index(rows.size()), longest, lengths.data(), rows.data()};
    BasicState<double> state(network, Index(rows.size()));
    const auto begin = [&] {
      for (std::size_t i = 0; i < rows.size(); ++i) std::ranges::copy(initial.row(rows[i]), state.row(Index(i)).begin());
    };
    begin();
    runner.forward(sequences, result.y.data(), &state);
    result.state.assign(state.data().begin(), state.data().end());
    begin();
    result.loss = runner.loss_and_gradient(sequences, {target.data()}, Loss::mse, result.gradient.data(), &state, options);
    if (options.window == 0) CHECK(difference(state.data(), result.state) < 1e-14);
    return result;
  }
  Result run(const TrainingOptions& options = {}) { return run({0, 1, 2, 3, 4}, x, options); }

  BasicNetwork<double> network;
  BasicRunner<double> runner;
  BasicState<double> initial;
  Vector x = test::random_vector(2, batch * longest * inputs), target = test::random_vector(4, batch * longest * outputs);
  std::vector<Index> lengths = some_lengths;
};

void check_equal(const Batch::Result& actual, const Batch::Result& expected, double tolerance) {
  CHECK(difference(actual.y, expected.y) <= tolerance);
  CHECK(difference(actual.state, expected.state) <= tolerance);
  CHECK(difference(actual.gradient, expected.gradient) <= tolerance);
  CHECK(difference(actual.loss, expected.loss) <= tolerance);
}

}  // namespace

TEST_CASE("batch: a batch is a loop over its rows, the gradient their weighted sum") {
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    Batch b(cell);
    const Batch::Result together = b.run();
    Batch::Result loop{{}, {}, Vector(b.network.flat().size()), 0};
    double entries = 0;
    for (const Index length : b.lengths) entries += double(length);
    for (Index row = 0; row < batch; ++row) {
      const Batch::Result one = b.run({row}, b.x);
      loop.y.insert(loop.y.end(), one.y.begin(), one.y.end());
      loop.state.insert(loop.state.end(), one.state.begin(), one.state.end());
      const double weight = double(b.lengths[std::size_t(row)]) / entries;
      loop.loss += weight * one.loss;
      for (std::size_t j = 0; j < loop.gradient.size(); ++j) loop.gradient[j] += weight * one.gradient[j];
    }
    check_equal(together, loop, 1e-13);
  }
}

TEST_CASE("batch: the order of the rows does not matter") {
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    Batch b(cell);
    const std::vector<Index> order{4, 2, 0, 3, 1};
    const Batch::Result plain = b.run(), turned = b.run(order, b.x);
    Batch::Result sorted{Vector(plain.y.size()), Vector(plain.state.size()), turned.gradient, turned.loss};
    for (Index i = 0; i < batch; ++i) {
      const Index row = order[std::size_t(i)], steps = longest * outputs, width = b.network.state_size();
      std::copy_n(turned.y.begin() + i * steps, steps, sorted.y.begin() + row * steps);
      std::copy_n(turned.state.begin() + i * width, width, sorted.state.begin() + row * width);
    }
    check_equal(sorted, plain, 1e-13);
  }
}

TEST_CASE("batch: padding is never read, outputs there are zero, an empty row changes nothing") {
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    Batch b(cell);
    const Batch::Result plain = b.run();
    for (Index row = 0; row < batch; ++row)
      for (Index t = b.lengths[std::size_t(row)]; t < longest; ++t) {
        std::fill_n(b.x.begin() + (row * longest + t) * inputs, inputs, std::numeric_limits<double>::quiet_NaN());
        std::fill_n(b.target.begin() + (row * longest + t) * outputs, outputs, std::numeric_limits<double>::infinity());
        for (Index j = 0; j < outputs; ++j) CHECK(plain.y[std::size_t((row * longest + t) * outputs + j)] == 0);
      }
    check_equal(b.run(), plain, 0);
    const std::span<const double> empty_row = std::as_const(b.initial).row(2);
    CHECK(difference(std::span(plain.state).subspan(2 * empty_row.size(), empty_row.size()), empty_row) == 0);
  }
}

TEST_CASE("batch: one run = two halves with the state carried over") {
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    Batch b(cell);
    b.lengths.assign(batch, longest);
    const Batch::Result whole = b.run();
    for (const Index cut : {1, 3, 6}) {
      BasicState<double> state = b.initial;
      Vector y(whole.y.size());
      for (const auto& [begin, end] : {std::pair<Index, Index>{0, cut}, std::pair<Index, Index>{cut, longest}}) {
        const Index steps = end - begin;
        Vector part, part_y(std::size_t(batch * steps * outputs));
        for (Index row = 0; row < batch; ++row)
          part.insert(part.end(), b.x.begin() + (row * longest + begin) * inputs, b.x.begin() + (row * longest + end) * inputs);
        b.runner.forward({part.data(), batch, steps}, part_y.data(), &state);
        for (Index row = 0; row < batch; ++row)
          std::copy_n(part_y.begin() + row * steps * outputs, steps * outputs, y.begin() + (row * longest + begin) * outputs);
      }
      CHECK(difference(y, whole.y) < 1e-13);
      CHECK(difference(state.data(), whole.state) < 1e-13);
    }
  }
}

TEST_CASE("batch: without a state every row starts from the initial one") {
  Batch b("LSTM");
  b.initial.reset();
  const Batch::Result expected = b.run();
  Vector y(expected.y.size()), gradient(expected.gradient.size());
  const Sequences<double> sequences{b.x.data(), batch, longest, b.lengths.data()};
  for (int repeat = 0; repeat < 2; ++repeat) {
    b.runner.forward(sequences, y.data());
    CHECK(y == expected.y);
  }
  CHECK(b.runner.loss_and_gradient(sequences, {b.target.data()}, Loss::mse, gradient.data()) == expected.loss);
  CHECK(gradient == expected.gradient);
  CHECK(b.runner.loss(sequences, {b.target.data()}, Loss::mse) == expected.loss);
}

TEST_CASE("batch: the number of threads changes only the order of the sum, the same number gives the same bits") {
  const int before = num_threads();
  // Enough work for three shards.
  const Index rows = 12, steps = 40, units = 24;
  BasicNetwork<double> network({layers::lstm(inputs, units), layers::dropout(0.2), layers::gru(units, 9), layers::linear(9, outputs)});
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

TEST_CASE("batch: a window as long as the batch is full BPTT, a shorter one the loop over its windows") {
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    Batch b(cell);
    const Batch::Result full = b.run();
    check_equal(b.run({longest}), full, 0);
    check_equal(b.run({longest + 3}), full, 0);
    for (const Index window : {1, 3}) {
      const Batch::Result truncated = b.run({window});
      CHECK(difference(truncated.loss, full.loss) < 1e-13);
      CHECK(difference(truncated.gradient, full.gradient) > 1e-6);

      Vector gradient(full.gradient.size());
      BasicState<double> state = b.initial;
      double loss = 0, entries = 0;
      const Sequences<double> sequences{b.x.data(), batch, longest, b.lengths.data()};
      for (const Index length : b.lengths) entries += double(length);
      for (Index begin = 0; begin < longest; begin += window) {
        const Window steps{begin, std::min(begin + window, longest)};
        double valid = 0;
        for (const Index length : b.lengths) valid += double(std::clamp(length - steps.begin, Index(0), steps.end - steps.begin));
        Vector part(gradient.size());
        loss += valid / entries * b.runner.window_gradient(sequences, {b.target.data()}, Loss::mse, steps, part.data(), &state, {});
        for (std::size_t j = 0; j < part.size(); ++j) gradient[j] += valid / entries * part[j];
      }
      CHECK(difference(truncated.gradient, gradient) < 1e-13);
      CHECK(difference(truncated.loss, loss) < 1e-13);
      CHECK(difference(state.data(), full.state) < 1e-13);
    }
  }
}

TEST_CASE("batch: the gradient is added, a batch without a valid entry has loss 0 and adds nothing") {
  Batch b("GRU(reset=after)");
  const Sequences<double> sequences{b.x.data(), batch, longest, b.lengths.data()};
  const Batch::Result once = b.run();
  Vector twice = once.gradient;
  BasicState<double> state = b.initial;
  b.runner.loss_and_gradient(sequences, {b.target.data()}, Loss::mse, twice.data(), &state);
  for (std::size_t j = 0; j < twice.size(); ++j) CHECK(std::abs(twice[j] - 2 * once.gradient[j]) < 1e-14);

  b.lengths.assign(batch, 0);
  for (const Index window : {0, 2}) {
    Vector zero(twice.size());
    state = b.initial;
    CHECK(b.runner.loss_and_gradient(sequences, {b.target.data()}, Loss::mse, zero.data(), &state, {window}) == 0);
    CHECK(zero == Vector(zero.size()));
    CHECK(difference(state.data(), b.initial.data()) == 0);
  }
  CHECK(b.runner.loss(sequences, {b.target.data()}, Loss::mse) == 0);
  Vector y(std::size_t(batch * longest * outputs), -1);
  b.runner.forward(sequences, y.data());
  CHECK(y == Vector(y.size()));
}

TEST_CASE("batch: an interrupted batch leaves gradient and state as they were") {
  Batch b("LSTM");
  const Sequences<double> sequences{b.x.data(), batch, longest, b.lengths.data()};
  for (const Index window : {0, 3})
    for (int calls = 1; calls <= 4; ++calls) {
      CAPTURE(calls);
      int asked = 0;
      Vector gradient(b.network.flat().size(), 0.5);
      const Vector before = gradient;
      BasicState<double> state = b.initial;
      const TrainingOptions options{window, false, 0, [&] { return ++asked == calls; }};
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

TEST_CASE("batch: what does not fit is refused by name") {
  Batch b("LSTM");
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
  refuse("forward: state has blocks [0.h:5], expected [0.h:5, 0.c:5]", good, &other);

  double& damaged = b.x[std::size_t((3 * longest + 4) * inputs + 1)];
  damaged = std::numeric_limits<double>::infinity();
  refuse("x has the non-finite value inf at (batch 3, time 4, feature 1), expected finite values", good);
  damaged = 0;
  b.target[std::size_t((1 * longest + 6) * outputs)] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(b.runner.loss(good, {b.target.data()}, Loss::mse),
                       "target has the non-finite value nan at (batch 1, time 6), expected finite values", std::invalid_argument);
  b.target[std::size_t((1 * longest + 6) * outputs)] = 0;
  const std::vector<std::int64_t> classes(batch * longest, 2);
  CHECK_THROWS_WITH_AS(b.runner.loss(good, {nullptr, classes.data()}, Loss::cross_entropy),
                       doctest::Contains("target has the class id 2 at (batch "), std::invalid_argument);
  CHECK_THROWS_WITH_AS(b.runner.loss_and_gradient(good, {b.target.data()}, Loss::mse, gradient.data(), nullptr, {-1}),
                       "loss_and_gradient: window is -1, expected at least 1", std::invalid_argument);
  CHECK(gradient == Vector(gradient.size()));

  BasicNetwork<double> ids({layers::embedding(4, 3), layers::lstm(3, 5), layers::last()});
  BasicRunner<double> runner(ids);
  for (const double bad : {-1.0, 4.0, 1.5}) {
    const Vector id{0, bad, 3};
    CHECK_THROWS_WITH_AS(runner.forward({id.data(), 1, 3}, y.data()), doctest::Contains("at (batch 0, time 1), expected an integer in 0 .. 3"),
                         std::invalid_argument);
  }
  const Vector fine{0, 2, 3};
  CHECK_THROWS_WITH_AS(runner.loss_and_gradient({fine.data(), 1, 3}, {b.target.data()}, Loss::mse, gradient.data(), nullptr, {2}),
                       "loss_and_gradient: a window cuts the time axis, but the network pools over it", std::invalid_argument);
}
