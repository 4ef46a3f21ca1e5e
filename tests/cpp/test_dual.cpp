// Derivatives of the cells' own functions: dual numbers = central differences, by hand = dual numbers.
#include <doctest/doctest.h>

#include "cell_types.h"
#include "cells/derivative.h"
#include "problem.h"
#include "test_cells.h"

namespace {

using namespace recurra;

// One of a cell's three functions: its inputs (gates, parameters, then parent, messages or states) and its results.
template <class Cell, Stage stage>
struct Local {
  static constexpr int others = stage == Stage::node ? Cell::num_messages : Cell::num_states;
  static constexpr int results = stage == Stage::edge ? Cell::num_messages : Cell::num_states;
  static constexpr int gates = Cell::num_gates, params = Cell::num_params;
  static constexpr int inputs = gates + params + others;

  // Pre-activations -> gates.
  template <class N>
  static std::vector<N> activated(std::vector<N> in) {
    N* a = in.data();
    activate<Cell, stage>(a, a + gates, a + gates + params);
    return in;
  }

  // The cell's functions read plain arrays; the results of `out` begin as its inputs.
  template <class N>
  static std::vector<N> value(const std::vector<N>& before) {
    const std::vector<N> in = activated(before);
    const N *a = in.data(), *u = a + gates, *other = u + params;
    std::vector<N> result(std::size_t(at_least_one(results)), N(0));
    if constexpr (stage == Stage::edge) Cell::edge(a, u, other, result.data());
    if constexpr (stage == Stage::node) Cell::node(a, u, other, result.data());
    if constexpr (stage == Stage::out) {
      std::copy_n(other, others, result.begin());
      Cell::out(a, u, result.data());
    }
    result.resize(std::size_t(results), N(0));
    return result;
  }

  template <class Rule, class N>
  static std::vector<N> vjp(const std::vector<N>& before, const std::vector<N>& d) {
    const std::vector<N> in = activated(before);
    const N *a = in.data(), *u = a + gates, *other = u + params;
    std::vector<N> din(std::size_t(inputs) + 1, N(0));
    N *da = din.data(), *du = da + gates, *dother = du + params;
    if constexpr (stage == Stage::edge) Rule::edge(a, u, other, d.data(), da, du, dother);
    if constexpr (stage == Stage::node) Rule::node(a, u, other, d.data(), da, du, dother);
    if constexpr (stage == Stage::out) Rule::out(a, u, other, d.data(), da, du, dother);
    din.pop_back();
    return din;
  }
};

template <class Cell, Stage stage>
void check_stage() {
  using L = Local<Cell, stage>;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<double> in = test::random_vector(seed, L::inputs, 2);
    if (Cell::bound_states)  // a normaliser is positive
      for (std::size_t k = in.size() - std::size_t(L::others); k < in.size(); ++k) in[k] = 0.5 + std::abs(in[k]);
    const std::vector<double> d = test::random_vector(seed + 100, at_least_one(L::results));
    const std::vector<double> dual = L::template vjp<Derivative<Cell, DualDerivative<Cell>>>(in, d);
    const std::vector<double> central = test::central_difference(in, [&] {
      const std::vector<double> result = L::value(in);
      double sum = 0;
      for (std::size_t j = 0; j < result.size(); ++j) sum += d[j] * result[j];
      return sum;
    });
    // Gates of other stages are no inputs: both are zero there.
    CHECK(test::difference(dual, central) < 1e-8);
    CHECK(test::difference(L::template vjp<Derivative<Cell>>(in, d), dual) < 1e-14);

    const std::vector<Pack<double>> packed(in.begin(), in.end()), dpacked(d.begin(), d.end());
    std::vector<double> second_lane;
    for (const Pack<double>& lane : L::template vjp<Derivative<Cell>>(packed, dpacked)) second_lane.push_back(lane.v[1]);
    CHECK(test::difference(second_lane, dual) < 1e-13);
  }
}

}  // namespace

TEST_CASE("dual: the list of cell types is the list of cells") {
  std::vector<std::string> names;
  test::for_each_cell_type([&]<class Cell>() { names.emplace_back(Cell::name); });
  CHECK(names == all_cells());
}

TEST_CASE("dual: derivative of every cell = central differences, by hand = dual") {
  test::for_each_cell_type([]<class Cell>() {
    CAPTURE(std::string(Cell::name));
    check_stage<Cell, Stage::edge>();
    check_stage<Cell, Stage::node>();
    check_stage<Cell, Stage::out>();
  });
}

TEST_CASE("dual: the slope of a logarithm of a gate that is open does not cancel") {
  for (const double a : {1.0, 10.0, 20.0, 40.0}) {
    const float y = float(function_value<Function::log_logistic>(a));
    CHECK(double(function_slope<Function::log_logistic>(y)) == doctest::Approx(1 / (1 + std::exp(a))).epsilon(1e-5));
  }
}

TEST_CASE("dual: a saturated unit's value and slope, which at a kink is the flat side's") {
  for (const double a : {-1e300, -1.0, -1e-300, 0.0, 1e-300, 0.25, 1 - 1e-16, 1.0, 1 + 1e-15, 3.0, 1e300}) {
    CAPTURE(a);
    const double y = function_value<Function::saturated>(a);
    CHECK(y == (a < 0 ? 0 : a > 1 ? 1 : a));
    CHECK(function_slope<Function::saturated>(y) == (a > 0 && a < 1 ? 1 : 0));
  }
  CHECK(std::isnan(function_value<Function::saturated>(std::nan(""))));
}

TEST_CASE("dual: every function a cell may use") {
  using D = Dual<double, 2>;
  const auto f = [](const auto& x, const auto& y) {
    using N = std::decay_t<decltype(x)>;
    const N bounded = max(min(x * y, N(2)), N(-2)) + abs(x - y) + select(x < y, x * x, y * y);
    return exp(bounded / 4) + tanh(x) * sigmoid(y) - sqrt(2 + sin(x) * cos(y)) / (3 - x) + (-y) * 0.5 + 1;
  };
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<double> in = test::random_vector(seed, 2, 2);
    const D result = f(D::variable(in[0], 0), D::variable(in[1], 1));
    CHECK(test::difference(result.value, f(in[0], in[1])) < 1e-15);
    const std::vector<double> central = test::central_difference(in, [&] { return f(in[0], in[1]); });
    CHECK(test::difference(std::vector{result.d[0], result.d[1]}, central) < 1e-8);
  }
}
