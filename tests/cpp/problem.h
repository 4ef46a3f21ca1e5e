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
#include "math/random.h"

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

template <class T>
struct BasicGradients {
  std::vector<T> params, x, initial;
};
using Gradients = BasicGradients<double>;

// A cell layer over a schedule, and the objective sum(cotangent * state) over all rows: the states that leave the layer and
// those that are carried have a random cotangent, so that outputs and last states both count.
template <class T>
struct BasicCellProblem {
  BasicCellProblem(const std::string& cell, Schedule topology, Index inputs, Index units)
      : BasicCellProblem(*recurra::find_cell(cell), recurra::kernels<T>(recurra::backend()).products, std::move(topology), inputs,
                         units) {}

  BasicCellProblem(const recurra::CellTable& table, const recurra::Products<T>& products, Schedule topology, Index inputs,
                   Index units)
      : layer(table, products, inputs, units), schedule(std::move(topology)) {
    const recurra::CellLayout& layout = layer.layout();
    params = random_vector<T>(1, layout.num_parameters, 0.6);
    x = random_vector<T>(2, schedule.num_nodes() * inputs);
    initial = random_vector<T>(3, schedule.num_roots() * carried_width());
    cotangent = random_vector<T>(4, schedule.num_rows() * layout.state_width);
    for (Index row = 0; row < schedule.num_rows(); ++row)
      for (int s = 0; s < layout.info.num_states; ++s) {
        const bool leaves = s < layout.info.outputs && row >= schedule.num_roots(), carried = layout.info.carried >> s & 1;
        if (leaves || carried) continue;
        std::fill_n(cotangent.begin() + row * layout.state_width + s * units, units, T(0));
      }
    tape.in = tape.out = &schedule;
    layer.reserve(tape, true);
    tape.x_stride = tape.dx_stride = inputs;
  }
  BasicCellProblem(const BasicCellProblem&) = delete;
  BasicCellProblem& operator=(const BasicCellProblem&) = delete;

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
    for (std::size_t i = 0; i < cotangent.size(); ++i) sum += double(cotangent[i]) * double(tape.state[i]);
    return sum;
  }

  // After objective().
  BasicGradients<T> gradients() {
    BasicGradients<T> result{std::vector<T>(params.size()), std::vector<T>(x.size()), {}};
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

  BasicGradients<T> central_differences() {
    const auto slope = [this](std::vector<T>& w) { return central_difference(w, [this] { return objective(); }); };
    return {slope(params), slope(x), slope(initial)};
  }

  // [nodes][state width], after forward().
  std::vector<T> states() const {
    return {tape.state.begin() + schedule.num_roots() * layer.layout().state_width, tape.state.end()};
  }

  recurra::CellLayer<T> layer;
  Schedule schedule;
  recurra::CellWeights<T> weights;
  recurra::CellTape<T> tape;
  std::vector<T> params, x, initial, cotangent;
};
using CellProblem = BasicCellProblem<double>;

}  // namespace test
