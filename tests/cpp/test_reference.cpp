// The layer against two oracles: plain loops over the cell's own functions (chain and graph), and the cells' mathematics
// written again from the equations.
#include <doctest/doctest.h>

#include "cell_types.h"
#include "problem.h"
#include "reference.h"

namespace {

using namespace recurra;
using test::CellProblem;

double sigma(double a) { return 1 / (1 + std::exp(-a)); }

test::States parent_states(const CellProblem& problem, Index root) {
  const CellLayout& layout = problem.layer.layout();
  test::States states(std::size_t(layout.info.num_states), std::vector<double>(std::size_t(layout.hidden_size), 0.0));
  auto from = problem.initial.begin() + root * problem.carried_width();
  for (const CarriedState& c : layout.carried) {
    std::copy_n(from, layout.hidden_size, states[std::size_t(c.state)].begin());
    from += layout.hidden_size;
  }
  return states;
}

// All nodes by the reference, in the order of the schedule's rows.
template <class Cell>
std::vector<double> reference_states(const CellProblem& problem) {
  const CellLayout& layout = problem.layer.layout();
  const Schedule& schedule = problem.schedule;
  std::vector<double> params = problem.params;
  for (const double constant : layout.options.constants) params.insert(params.end(), std::size_t(layout.hidden_size), constant);
  const test::Reference<Cell> reference(layout.input_size, layout.hidden_size, params);
  std::vector<test::States> rows;
  for (Index i = 0; i < schedule.num_roots(); ++i) rows.push_back(parent_states(problem, i));
  std::vector<double> flat;
  for (Index level = 1; level <= schedule.num_levels(); ++level)
    for (Index i = 0; i < schedule.size(level); ++i) {
      const std::size_t node = std::size_t(schedule.first_node(level) + i);
      std::vector<test::States> parents;
      if (schedule.is_chain())
        parents.push_back(rows[std::size_t(schedule.parent_of(level, i))]);
      else
        for (Index e = schedule.edge_begin()[node]; e < schedule.edge_begin()[node + 1]; ++e)
          parents.push_back(rows[std::size_t(schedule.parent_row()[std::size_t(e)])]);
      rows.push_back(reference.node(problem.x.data() + Index(node) * layout.input_size, parents));
      for (const std::vector<double>& state : rows.back()) flat.insert(flat.end(), state.begin(), state.end());
    }
  return flat;
}

// Parameters of a one-layer problem by name, as rows of a matrix.
struct Named {
  explicit Named(const CellProblem& source) : problem(source) {}
  // Row `unit` of gate block `block` of a matrix, times v.
  double product(const std::string& name, int block, Index unit, const double* v) const {
    Index offset = 0;
    for (const ParameterSpec& spec : problem.layer.parameters()) {
      if (spec.name == name) {
        const Index columns = spec.shape.size() > 1 ? spec.shape[1] : 1, row = block * problem.layer.layout().hidden_size + unit;
        double sum = 0;
        for (Index j = 0; j < columns; ++j) sum += problem.params[std::size_t(offset + row * columns + j)] * v[j];
        return sum;
      }
      offset += spec.size();
    }
    FAIL("no parameter " << name);
    return 0;
  }
  double value(const std::string& name, int block, Index unit) const {
    const double one = 1;
    return product(name, block, unit, &one);
  }
  const CellProblem& problem;
};

// Runs `step(named, x, h, c)` over one sequence and compares h (and c, where the cell has one) with the layer's states.
template <class Step>
void check_textbook(const std::string& cell, const Step& step) {
  CAPTURE(cell);
  const Index inputs = 3, units = 5, time = 7;
  CellProblem problem(cell, Schedule::sequences(1, time), inputs, units);
  problem.forward();
  const Named named(problem);
  const bool has_memory = problem.layer.layout().info.num_states == 2;
  std::vector<double> h(problem.initial.begin(), problem.initial.begin() + units);
  std::vector<double> c(problem.initial.end() - units, problem.initial.end()), expected;
  for (Index t = 0; t < time; ++t) {
    step(named, problem.x.data() + t * inputs, h, c);
    expected.insert(expected.end(), h.begin(), h.end());
    if (has_memory) expected.insert(expected.end(), c.begin(), c.end());
  }
  CHECK(test::difference(problem.states(), expected) < 1e-13);
}

using V = std::vector<double>;

// W x + R h + b of gate block k.
double gate(const Named& n, int k, Index j, const double* x, const V& h) {
  return n.product("weight_ih", k, j, x) + n.product("weight_hh", k, j, h.data()) + n.value("bias", k, j);
}

}  // namespace

TEST_CASE("reference: every cell on ragged sequences = plain loops over its functions") {
  test::for_each_cell_type([]<class Cell>() {
    CAPTURE(std::string(Cell::name));
    for (const Index units : {5, 17}) {
      CellProblem problem(Cell::name, Schedule::sequences({6, 5, 5, 2, 0}), 3, units);
      problem.forward();
      CHECK(test::difference(problem.states(), reference_states<Cell>(problem)) < 1e-13);
    }
  });
}

TEST_CASE("reference: every cell on a graph with several parents = plain loops over its functions") {
  // Two roots of the caller's, a node with a repeated parent, edges that skip levels.
  const std::vector<std::vector<Index>> parents{{}, {}, {0, 1}, {2, 0, 1}, {3}, {4, 2}, {2, 2}, {6, 5, 0}};
  const std::vector<std::vector<Index>> tree{{1}, {}, {0}, {1}, {3}, {3}, {}};
  test::for_each_cell_type([&]<class Cell>() {
    CAPTURE(std::string(Cell::name));
    for (const Index units : {5, 17}) {
      CellProblem problem(Cell::name, test::graph(Cell::max_parents > 1 ? parents : tree), 3, units);
      problem.forward();
      CHECK(test::difference(problem.states(), reference_states<Cell>(problem)) < 1e-13);
    }
  });
}

TEST_CASE("reference: Elman from its equation") {
  const auto elman = [](auto phi) {
    return [phi](const Named& n, const double* x, V& h, V&) {
      const V past = h;
      for (Index j = 0; j < Index(h.size()); ++j) h[std::size_t(j)] = phi(gate(n, 0, j, x, past));
    };
  };
  check_textbook("Elman(activation=tanh)", elman([](double a) { return std::tanh(a); }));
  check_textbook("Elman(activation=relu)", elman([](double a) { return a > 0 ? a : 0; }));
  check_textbook("Elman(activation=logistic)", elman(sigma));
  check_textbook("Elman(activation=saturated)", elman([](double a) { return a < 0 ? 0 : a > 1 ? 1 : a; }));
}

TEST_CASE("reference: LSTM from its equations") {
  check_textbook("LSTM", [](const Named& n, const double* x, V& h, V& c) {
    const V past = h;
    for (std::size_t j = 0; j < h.size(); ++j) {
      const auto a = [&](int k) { return gate(n, k, Index(j), x, past); };
      c[j] = sigma(a(1)) * c[j] + sigma(a(0)) * std::tanh(a(2));
      h[j] = sigma(a(3)) * std::tanh(c[j]);
    }
  });
}

TEST_CASE("reference: peephole LSTM from its equations") {
  check_textbook("LSTM(peephole=current)", [](const Named& n, const double* x, V& h, V& c) {
    const V past = h;
    for (std::size_t j = 0; j < h.size(); ++j) {
      const auto a = [&](int k) { return gate(n, k, Index(j), x, past); };
      const auto peep = [&](const char* name) { return n.value(name, 0, Index(j)); };
      const double in = sigma(a(0) + peep("peephole_i") * c[j]), forget = sigma(a(1) + peep("peephole_f") * c[j]);
      c[j] = forget * c[j] + in * std::tanh(a(2));
      h[j] = sigma(a(3) + peep("peephole_o") * c[j]) * std::tanh(c[j]);
    }
  });
}

TEST_CASE("reference: GRU, reset after the product, from its equations") {
  check_textbook("GRU(reset=after)", [](const Named& n, const double* x, V& h, V&) {
    const V past = h;
    for (std::size_t j = 0; j < h.size(); ++j) {
      const Index i = Index(j);
      // Rows: W of r, z, n; R of r, z, n; b of r, z, and the candidate's two.
      const double r = sigma(gate(n, 0, i, x, past)), z = sigma(gate(n, 1, i, x, past));
      const double inner = n.product("weight_hh", 2, i, past.data()) + n.value("bias", 3, i);
      const double candidate = std::tanh(n.product("weight_ih", 2, i, x) + n.value("bias", 2, i) + r * inner);
      h[j] = (1 - z) * candidate + z * past[j];
    }
  });
}

TEST_CASE("reference: GRU, reset before the product, from its equations") {
  check_textbook("GRU(reset=before)", [](const Named& n, const double* x, V& h, V&) {
    const V past = h;
    V reset = h;
    for (std::size_t j = 0; j < h.size(); ++j) reset[j] *= sigma(gate(n, 0, Index(j), x, past));
    for (std::size_t j = 0; j < h.size(); ++j) {
      const Index i = Index(j);
      const double z = sigma(gate(n, 1, i, x, past));
      const double candidate =
          std::tanh(n.product("weight_ih", 2, i, x) + n.product("weight_mh", 0, i, reset.data()) + n.value("bias", 2, i));
      h[j] = (1 - z) * candidate + z * past[j];
    }
  });
}
