// Batches through a runner: rows are independent, padding is never read, states carry on, gradients are added.
#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "batch_problem.h"

using namespace test::batches;
using test::difference;

TEST_CASE("batch: a batch is a loop over its rows, the gradient their weighted sum") {
  for (const std::string& cell : all_layers()) {
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
  for (const std::string& cell : all_layers()) {
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
  for (const std::string& cell : all_layers()) {
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
  for (const std::string& cell : all_layers()) {
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

TEST_CASE("batch: a runner used for other shapes before gives what a fresh one gives") {
  using namespace layers;
  const BasicNetwork<double> network({lstm(inputs, 5), dropout(0.3), gru(5, 4), mean(), linear(4, outputs)}, std::uint64_t(1));
  BasicRunner<double> used(network);
  const Vector x = test::random_vector(1, 9 * 8 * inputs), target = test::random_vector(2, 9 * outputs);
  for (const auto& [rows, steps] : {std::pair<Index, Index>{9, 8}, std::pair<Index, Index>{2, 3}, std::pair<Index, Index>{5, 7},
                                    std::pair<Index, Index>{1, 1}, std::pair<Index, Index>{4, 8}})
    for (const bool ragged : {true, false}) {
      std::vector<Index> lengths(std::size_t(rows), steps);
      for (std::size_t i = 0; ragged && i < lengths.size(); i += 2) lengths[i] = Index(i) % (steps + 1);
      const Sequences<double> sequences{x.data(), rows, steps, lengths.data()};
      const auto run = [&](BasicRunner<double>& runner) {
        Vector result(std::size_t(rows * outputs)), gradient(network.flat().size());
        runner.forward(sequences, result.data());
        result.push_back(runner.loss_and_gradient(sequences, {target.data()}, Loss::mse, gradient.data(), nullptr, {0, true, 3}));
        result.push_back(runner.loss(sequences, {target.data()}, Loss::mse));
        result.insert(result.end(), gradient.begin(), gradient.end());
        return result;
      };
      BasicRunner<double> fresh(network);
      CHECK(run(used) == run(fresh));
    }
}

TEST_CASE("batch: with training on, dropout is in the outputs too") {
  const BasicNetwork<double> network({layers::linear(inputs, 50), layers::dropout(0.5)});
  BasicRunner<double> runner(network);
  const Vector x = test::random_vector(1, 4 * inputs);
  Vector plain(200), drawn(200), again(200);
  runner.forward({x.data(), 2, 2}, plain.data());
  runner.forward({x.data(), 2, 2}, drawn.data(), nullptr, {0, true, 7});
  runner.forward({x.data(), 2, 2}, again.data(), nullptr, {0, true, 7});
  CHECK(drawn == again);
  const auto zeros = std::ranges::count(drawn, 0.0);
  CHECK(zeros > 60);
  CHECK(zeros < 140);
  CHECK(std::ranges::count(plain, 0.0) == 0);
}
