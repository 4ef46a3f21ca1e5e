// The losses of a runner against their formulas.
#include <doctest/doctest.h>

#include <stdexcept>

#include "problem.h"
#include "recurra/runner.h"

namespace {

using namespace recurra;
using Vector = std::vector<double>;

}  // namespace

TEST_CASE("loss: the losses = their formulas, means over the valid entries") {
  const Index batch = 2, time = 3, width = 4;
  const BasicNetwork<double> network({layers::linear(2, width)});
  BasicRunner<double> runner(network);
  const Vector x = test::random_vector(1, batch * time * 2, 3), target = test::random_vector(2, batch * time * width);
  const std::vector<std::int64_t> classes{0, 3, 1, 2, 9, -9};  // beyond a sequence's end anything may stand
  const std::vector<Index> lengths{3, 1};
  const Sequences<double> sequences{x.data(), batch, time, lengths.data()};
  Vector y(std::size_t(batch * time * width));
  runner.forward(sequences, y.data());
  double squares = 0, surprise = 0;
  for (Index i = 0; i < batch; ++i)
    for (Index t = 0; t < lengths[std::size_t(i)]; ++t) {
      const auto row = y.begin() + (i * time + t) * width;
      double sum = 0;
      for (Index j = 0; j < width; ++j) {
        squares += std::pow(row[j] - target[std::size_t((i * time + t) * width + j)], 2);
        sum += std::exp(row[j]);
      }
      surprise -= std::log(std::exp(row[classes[std::size_t(i * time + t)]]) / sum);
    }
  CHECK(runner.loss(sequences, {target.data()}, Loss::mse) == doctest::Approx(squares / (4 * width)).epsilon(1e-14));
  CHECK(runner.loss(sequences, {nullptr, classes.data()}, Loss::cross_entropy) == doctest::Approx(surprise / 4).epsilon(1e-14));
  CHECK(loss_from_name("mse") == Loss::mse);
  CHECK(loss_from_name("cross_entropy") == Loss::cross_entropy);
  CHECK_THROWS_WITH_AS(loss_from_name("l2"), "loss is 'l2', expected 'mse' or 'cross_entropy'", std::invalid_argument);
}

TEST_CASE("loss: cross entropy does not overflow for large logits") {
  BasicNetwork<double> network({layers::linear(1, 3)});
  std::ranges::copy(Vector{1000, -1000, 999, 0, 0, 0}, network.flat().begin());
  BasicRunner<double> runner(network);
  const Vector x{1};
  for (const auto& [id, expected] :
       {std::pair<std::int64_t, double>{0, std::log1p(std::exp(-1))}, {1, 2000 + std::log1p(std::exp(-1))}}) {
    Vector gradient(network.flat().size());
    const std::int64_t target = id;
    CHECK(runner.loss_and_gradient({x.data(), 1, 1}, {nullptr, &target}, Loss::cross_entropy, gradient.data()) ==
          doctest::Approx(expected).epsilon(1e-14));
    for (const double g : gradient) CHECK(std::isfinite(g));
  }
}
