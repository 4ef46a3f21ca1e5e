// What the tests share: random numbers, comparison, central differences, and one cell layer with everything random.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "backends/select.h"
#include "layers/cell_layer.h"
#include "network/random.h"

namespace test {

using recurra::Index;
using recurra::Schedule;

template <class T = double>
std::vector<T> random_vector(std::uint64_t seed, Index count, double scale = 1) {
  recurra::Random random{seed};
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = T(random.uniform(-scale, scale));
  return values;
}

// The largest |actual - expected| / max(1, |expected|); infinite where that is no number, or the lengths differ.
template <class A, class B>
double difference(const A& actual, const B& expected) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (std::size(actual) != std::size(expected)) return infinity;
  double worst = 0;
  for (std::size_t i = 0; i < std::size(actual); ++i) {
    const double reference = double(expected[i]);
    const double error = std::abs(double(actual[i]) - reference) / std::max(1.0, std::abs(reference));
    worst = std::isnan(error) ? infinity : std::max(worst, error);
  }
  return worst;
}

inline double difference(double actual, double expected) { return difference(std::vector{actual}, std::vector{expected}); }

// The derivative of objective() by each element of w.
template <class Objective>
std::vector<double> central_difference(std::span<double> w, const Objective& objective, double step = 1e-5) {
  std::vector<double> slope;
  for (double& value : w) {
    const double middle = value;
    value = middle + step;
    const double above = objective();
    value = middle - step;
    slope.push_back((above - objective()) / (2 * step));
    value = middle;
  }
  return slope;
}

struct Gradients {
  std::vector<double> params, x, initial;
};

// A cell layer over a schedule, and the objective sum(cotangent * state) over all rows: the states that leave the layer and
// those that are carried have a random cotangent, so that outputs and last states both count.
struct CellProblem {
  CellProblem(const std::string& cell, Schedule topology, Index inputs, Index units, std::uint64_t seed = 1)
      : CellProblem(*recurra::find_cell(cell), recurra::backend().float64.products, std::move(topology), inputs, units, seed) {}

  CellProblem(const recurra::CellTable& table, const recurra::Products<double>& products, Schedule topology, Index inputs,
              Index units, std::uint64_t seed)
      : layer(table, products, inputs, units), schedule(std::move(topology)) {
    const recurra::CellLayout& layout = layer.layout();
    params = random_vector(seed, layout.num_parameters, 0.6);
    x = random_vector(seed + 1, schedule.num_nodes() * inputs);
    initial = random_vector(seed + 2, schedule.num_roots() * carried_width());
    cotangent = random_vector(seed + 3, schedule.num_rows() * layout.state_width);
    for (Index row = 0; row < schedule.num_rows(); ++row)
      for (int s = 0; s < layout.info.num_states; ++s) {
        const bool leaves = s < layout.info.outputs && row >= schedule.num_roots(), carried = layout.info.carried >> s & 1;
        if (leaves || carried) continue;
        std::fill_n(cotangent.begin() + row * layout.state_width + s * units, units, 0.0);
      }
    tape.in = tape.out = &schedule;
    layer.reserve(tape, true);
    tape.x_stride = tape.dx_stride = inputs;
  }
  CellProblem(const CellProblem&) = delete;
  CellProblem& operator=(const CellProblem&) = delete;

  Index carried_width() const { return Index(layer.layout().carried.size()) * layer.layout().hidden_size; }

  void forward() {
    layer.refresh(params.data(), weights);
    tape.x = x.data();
    for (Index i = 0; i < schedule.num_roots(); ++i) layer.load_state(tape, i, initial.data() + i * carried_width());
    layer.forward(weights, tape, schedule.all_levels());
  }

  double objective() {
    forward();
    double sum = 0;
    for (std::size_t i = 0; i < cotangent.size(); ++i) sum += cotangent[i] * tape.state[i];
    return sum;
  }

  // After objective().
  Gradients gradients() {
    Gradients result{std::vector<double>(params.size()), std::vector<double>(x.size()), {}};
    tape.dx = result.x.data();
    layer.clear_cotangents(tape);
    std::copy(cotangent.begin(), cotangent.end(), tape.dstate.begin());
    layer.backward(weights, tape, schedule.all_levels());
    layer.gradient(tape, schedule.all_levels(), {result.params.data()});
    tape.dx = nullptr;
    const recurra::CellLayout& layout = layer.layout();
    for (Index i = 0; i < schedule.num_roots(); ++i)
      for (const int s : layout.carried) {
        const auto from = tape.dstate.begin() + i * layout.state_width + s * layout.hidden_size;
        result.initial.insert(result.initial.end(), from, from + layout.hidden_size);
      }
    return result;
  }

  Gradients central_differences() {
    const auto slope = [this](std::vector<double>& w) { return central_difference(w, [this] { return objective(); }); };
    return {slope(params), slope(x), slope(initial)};
  }

  // [nodes][state width], after forward().
  std::vector<double> states() const {
    return {tape.state.begin() + schedule.num_roots() * layer.layout().state_width, tape.state.end()};
  }

  recurra::CellLayer<double> layer;
  Schedule schedule;
  recurra::CellWeights<double> weights;
  recurra::CellTape<double> tape;
  std::vector<double> params, x, initial, cotangent;
};

}  // namespace test
