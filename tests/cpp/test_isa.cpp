// All backends this machine can run, in one program: the same results as baseline's, and the same bits from run to run.
#include <doctest/doctest.h>

#include <algorithm>

#include "backends/select.h"
#include "problem.h"
#include "recurra/isa.h"
#include "test_backends.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::difference;

template <class T>
struct Outcome {
  std::vector<T> states;
  test::BasicGradients<T> gradients;
};

template <class T>
Outcome<T> run(const TestBackend& isa, std::size_t cell, const Schedule& schedule, Index inputs, Index units) {
  test::BasicCellProblem<T> problem(isa.cells[cell], kernels<T>(isa.backend), schedule,
                                    cell_layer(isa.cells[cell].info.name, inputs, units));
  problem.objective();
  return {problem.states(), problem.gradients()};
}

template <class T>
void check_cell(const TestBackend& isa, const TestBackend& baseline, std::size_t cell, double tolerance) {
  const std::vector<std::vector<Index>> dag{{}, {}, {0, 1}, {2, 0, 1}, {3}, {4, 2}}, tree{{1}, {}, {0}, {1}, {3}};
  for (const Schedule& schedule :
       {Schedule::sequences({6, 5, 5, 2, 0}), test::graph(isa.cells[cell].info.max_parents > 1 ? dag : tree)})
    for (const auto& [inputs, units] :
         {std::pair<Index, Index>{3, 5}, std::pair<Index, Index>{4, 17}, std::pair<Index, Index>{9, 35}}) {
      const Outcome<T> expected = run<T>(baseline, cell, schedule, inputs, units);
      const Outcome<T> actual = run<T>(isa, cell, schedule, inputs, units), again = run<T>(isa, cell, schedule, inputs, units);
      CHECK(difference(actual.states, expected.states) < tolerance);
      CHECK(difference(actual.gradients.params, expected.gradients.params) < tolerance);
      CHECK(difference(actual.gradients.x, expected.gradients.x) < tolerance);
      CHECK(difference(actual.gradients.initial, expected.gradients.initial) < tolerance);
      CHECK(again.states == actual.states);
      CHECK(again.gradients.params == actual.gradients.params);
      CHECK(again.gradients.x == actual.gradients.x);
      CHECK(again.gradients.initial == actual.gradients.initial);
    }
}

// Cells with stages, whose kernels are the library's, run over sequences.
template <class T>
void check_stages(const TestBackend& isa, const TestBackend& baseline, const std::string& name, double tolerance) {
  const LayerSpec spec = cell_layer(name, 3, 18);
  const auto table = [&](const TestBackend& of) -> const CellTable& {
    return *std::find_if(of.cells.begin(), of.cells.end(), [&](const CellTable& t) { return t.info.name == cell_variant(spec); });
  };
  const auto run_on = [&](const TestBackend& of) {
    test::BasicCellProblem<T> problem(table(of), kernels<T>(of.backend), Schedule::sequences({6, 5, 5, 2, 0}), spec);
    problem.objective();
    return Outcome<T>{problem.states(), problem.gradients()};
  };
  const Outcome<T> expected = run_on(baseline), actual = run_on(isa);
  CHECK(difference(actual.states, expected.states) < tolerance);
  CHECK(difference(actual.gradients.params, expected.gradients.params) < tolerance);
  CHECK(difference(actual.gradients.x, expected.gradients.x) < tolerance);
  CHECK(difference(actual.gradients.initial, expected.gradients.initial) < tolerance);
}

template <class T>
void check_activations(const Kernels<T>& kernels, const Kernels<T>& baseline, double tolerance) {
  for (auto function : {&Kernels<T>::tanh, &Kernels<T>::relu, &Kernels<T>::logistic}) {
    const auto x = test::random_vector<T>(1, 100, 6), dy = test::random_vector<T>(2, 100);
    std::vector<T> y(100), y0(100), dx(100), dx0(100);
    (kernels.*function).value(x.data(), 100, y.data());
    (baseline.*function).value(x.data(), 100, y0.data());
    (kernels.*function).vjp(x.data(), dy.data(), 100, dx.data());
    (baseline.*function).vjp(x.data(), dy.data(), 100, dx0.data());
    CHECK(difference(y, y0) < tolerance);
    CHECK(difference(dx, dx0) < tolerance);
  }
}

}  // namespace

TEST_CASE("isa: every backend = baseline for every cell with its stages") {
  for (const TestBackend& isa : all_backends())
    for (const std::string& name : all_layers()) {
      if (name.find(" + ") == std::string::npos) continue;
      CAPTURE(isa.backend.name);
      CAPTURE(name);
      check_stages<double>(isa, all_backends().front(), name, 1e-9);  // normalisation magnifies what is nearly equal
      check_stages<float>(isa, all_backends().front(), name, 2e-2);
    }
}

TEST_CASE("isa: every backend = baseline for every cell") {
  const TestBackend& baseline = all_backends().front();
  REQUIRE(std::string(baseline.backend.name) == "baseline");
  for (const TestBackend& isa : all_backends()) {
    CAPTURE(isa.backend.name);
    for (std::size_t cell = 0; cell < isa.cells.size(); ++cell) {
      CAPTURE(isa.cells[cell].info.name);
      check_cell<float>(isa, baseline, cell, 1e-4);
      check_cell<double>(isa, baseline, cell, 1e-12);
    }
    check_activations(isa.backend.float32, baseline.backend.float32, 1e-6);
    check_activations(isa.backend.float64, baseline.backend.float64, 1e-15);
  }
}

TEST_CASE("isa: float = double up to its rounding") {
  const TestBackend& baseline = all_backends().front();
  for (std::size_t cell = 0; cell < baseline.cells.size(); ++cell) {
    CAPTURE(baseline.cells[cell].info.name);
    const Schedule schedule = Schedule::sequences({6, 5, 5, 2, 0});
    const Outcome<double> expected = run<double>(baseline, cell, schedule, 3, 17);
    const Outcome<float> actual = run<float>(baseline, cell, schedule, 3, 17);
    CHECK(difference(actual.states, expected.states) < 1e-5);
    CHECK(difference(actual.gradients.params, expected.gradients.params) < 1e-4);
    CHECK(difference(actual.gradients.x, expected.gradients.x) < 1e-4);
    CHECK(difference(actual.gradients.initial, expected.gradients.initial) < 1e-4);
  }
}

TEST_CASE("isa: each name has its own kernels, and knows the same cells") {
  std::vector<std::string> names;
  for (const TestBackend& isa : all_backends()) {
    names.emplace_back(isa.backend.name);
    std::vector<std::string> cells;
    for (const CellTable& cell : isa.cells) cells.emplace_back(cell.info.name);
    CHECK(cells == all_cells());
    for (const TestBackend& other : all_backends())
      CHECK((other.cells[0].float32.fused.forward[0] == isa.cells[0].float32.fused.forward[0]) == (&other == &isa));
  }
  CHECK(names == available_isas());
  CHECK(isa() == backend().name);
}
