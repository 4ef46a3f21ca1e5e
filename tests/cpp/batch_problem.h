// A ragged batch for a network of one cell and a readout, everything random, and all that a runner makes of it.
#pragma once

#include <doctest/doctest.h>

#include "problem.h"
#include "recurra/runner.h"
#include "test_cells.h"

namespace test::batches {

using namespace recurra;
using Vector = std::vector<double>;

inline constexpr Index inputs = 3, outputs = 2, batch = 5, longest = 7;
inline const std::vector<Index> some_lengths{3, 7, 0, 5, 7};

// A network of one cell and a readout with data for it.
struct Batch {
  explicit Batch(const std::string& cell, Index units = 6)
      : network({cell_layer(cell, inputs, units), layers::linear(output_size(cell, units), outputs)}, std::uint64_t(1)),
        runner(network),
        initial(network, batch) {
    const Vector params = test::random_vector(1, Index(network.flat().size()), 0.6);
    std::copy(params.begin(), params.end(), network.flat().begin());
    const Vector state = test::random_vector(3, Index(initial.data().size()));
    std::copy(state.begin(), state.end(), initial.data().begin());
    make_possible(initial);
  }

  struct Result {
    Vector y, state, gradient;
    double loss;
  };
  // `rows` of the arrays, all steps.
  Result run(const std::vector<Index>& rows, const Vector& values, const RunOptions& options = {}) {
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
  Result run(const RunOptions& options = {}) { return run({0, 1, 2, 3, 4}, x, options); }

  BasicNetwork<double> network;
  BasicRunner<double> runner;
  BasicState<double> initial;
  Vector x = test::random_vector(2, batch * longest * inputs), target = test::random_vector(4, batch * longest * outputs);
  std::vector<Index> lengths = some_lengths;
};

inline void check_equal(const Batch::Result& actual, const Batch::Result& expected, double tolerance) {
  CHECK(difference(actual.y, expected.y) <= tolerance);
  CHECK(difference(actual.state, expected.state) <= tolerance);
  CHECK(difference(actual.gradient, expected.gradient) <= tolerance);
  CHECK(difference(actual.loss, expected.loss) <= tolerance);
}

}  // namespace test::batches
