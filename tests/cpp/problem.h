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
#include "recurra/state.h"
#include "test_cells.h"

namespace test {

using recurra::Index;
using recurra::Schedule;

// The schedule of a graph given by the parents of each node.
inline Schedule graph(const std::vector<std::vector<Index>>& parents) {
  recurra::Incoming edges;
  for (const std::vector<Index>& list : parents) {
    edges.source.insert(edges.source.end(), list.begin(), list.end());
    edges.begin.push_back(Index(edges.source.size()));
  }
  return Schedule::graph(edges);
}

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

// The derivative of objective() by each element of w, with an error of fourth order in the step: normalisation of nearly equal
// values bends sharply.
template <class Objective>
std::vector<double> central_difference(std::span<double> w, const Objective& objective, double step = 2e-5) {
  std::vector<double> slope;
  for (double& value : w) {
    const double middle = value;
    const auto difference = [&](double distance) {
      value = middle + distance;
      const double above = objective();
      value = middle - distance;
      return above - objective();
    };
    slope.push_back((8 * difference(step) - difference(2 * step)) / (12 * step));
    value = middle;
  }
  return slope;
}

// sLSTM's normaliser n is a sum of positive terms; everything else may be drawn as it comes.
template <class T>
void make_possible(const std::string& state, T* values, Index width) {
  if (!state.ends_with(".n") && state != "n") return;
  for (Index j = 0; j < width; ++j) values[j] = T(0.5) + std::abs(values[j]);
}
template <class T>
void make_possible(recurra::BasicState<T>& state) {
  for (Index i = 0; i < state.batch(); ++i)
    for (const recurra::StateBlock& block : state.blocks())
      make_possible(block.name, state.row(i).data() + block.offset, block.width);
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
      : BasicCellProblem(*recurra::find_cell(recurra::cell_variant(cell_layer(cell, inputs, units))),
                         recurra::kernels<T>(recurra::backend()), std::move(topology), cell_layer(cell, inputs, units)) {}

  // As children are read, over a schedule that is no chain.
  static recurra::CellOptions options(const recurra::LayerSpec& spec, const recurra::CellTable& table, const Schedule& topology) {
    recurra::CellOptions result = recurra::cell_options(spec, table.info, spec.type);
    if (!topology.is_chain()) result.parents = recurra::Parents::summed;
    return result;
  }

  BasicCellProblem(const recurra::CellTable& table, const recurra::Kernels<T>& kernels, Schedule topology,
                   const recurra::LayerSpec& spec)
      : layer(table, kernels, options(spec, table, topology)), schedule(std::move(topology)) {
    const recurra::CellLayout& layout = layer.layout();
    const Index units = layout.hidden_size, inputs = layout.input_size;
    params = random_vector<T>(1, layout.num_parameters, 0.6);
    x = random_vector<T>(2, schedule.num_nodes() * inputs);
    initial = random_vector<T>(3, schedule.num_roots() * carried_width());
    for (Index i = 0, at = 0; i < schedule.num_roots(); ++i)
      for (const recurra::StateSpec& block : layer.state()) {
        make_possible(block.name, initial.data() + at, block.width);
        at += block.width;
      }
    cotangent = random_vector<T>(4, schedule.num_rows() * layout.state_width);
    const auto is_carried = [&](int s) {
      return !(s == 0 && layout.projects()) && (layout.info.carried >> s & 1);  // instead of it, its projection
    };
    for (Index row = 0; row < schedule.num_rows(); ++row)
      for (int s = 0; s < layout.info.num_states; ++s) {
        const bool leaves = !layout.projects() && s < layout.info.outputs && row >= schedule.num_roots();
        if (!leaves && !is_carried(s)) std::fill_n(cotangent.begin() + row * layout.state_width + s * units, units, T(0));
      }
    projected_cotangent = random_vector<T>(5, layout.projects() ? schedule.num_rows() * layout.options.projection : 0);
    for (Index i = 0; i < schedule.num_roots(); ++i) sequence.push_back(i);
    tape.noise = {true, 9, sequence.data()};
    tape.in = tape.out = &schedule;
    layer.reserve(tape, true);
    tape.x_stride = tape.dx_stride = inputs;
  }
  BasicCellProblem(const BasicCellProblem&) = delete;
  BasicCellProblem& operator=(const BasicCellProblem&) = delete;

  Index carried_width() const { return layer.layout().carried_width; }

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
    for (std::size_t i = 0; i < projected_cotangent.size(); ++i)
      sum += double(projected_cotangent[i]) * double(tape.projected[i]);
    return sum;
  }

  void begin_backward() {
    layer.clear_cotangents(tape);
    std::copy(cotangent.begin(), cotangent.end(), tape.dstate.begin());
    std::copy(projected_cotangent.begin(), projected_cotangent.end(), tape.dprojected.begin());
  }

  // After objective().
  BasicGradients<T> gradients() {
    BasicGradients<T> result{std::vector<T>(params.size()), std::vector<T>(x.size()), {}};
    tape.dx = result.x.data();
    begin_backward();
    layer.backward(weights, tape, schedule.all_levels());
    layer.gradient(tape, schedule.all_levels(), {result.params.data()});
    tape.dx = nullptr;
    const recurra::CellLayout& layout = layer.layout();
    for (Index i = 0; i < schedule.num_roots(); ++i)
      for (const recurra::CarriedState& c : layout.carried) {
        const T* from = layer.carried_cotangent(tape, c, i);
        result.initial.insert(result.initial.end(), from, from + c.width);
      }
    return result;
  }

  BasicGradients<T> central_differences() {
    const auto slope = [this](std::vector<T>& w) { return central_difference(w, [this] { return objective(); }); };
    return {slope(params), slope(x), slope(initial)};
  }

  // [nodes][state width] and [nodes][projection], after forward().
  std::vector<T> states() const { return joined(tape.state, tape.projected); }
  std::vector<T> tangents(Index seed) const {
    std::vector<T> state, projected;
    const auto pick = [&](const auto& rows, Index width, std::vector<T>& to) {
      for (Index row = 0; width > 0 && row < schedule.num_rows(); ++row) {
        const auto from = rows.begin() + (row * tape.seeds + seed) * width;
        to.insert(to.end(), from, from + width);
      }
    };
    pick(tape.dstate, layer.layout().state_width, state);
    pick(tape.dprojected, layer.layout().options.projection, projected);
    return joined(state, projected);
  }

  recurra::CellLayer<T> layer;
  Schedule schedule;
  recurra::CellWeights<T> weights;
  recurra::CellTape<T> tape;
  std::vector<T> params, x, initial, cotangent, projected_cotangent;
  std::vector<Index> sequence;

 private:
  // The rows of both arrays behind the roots.
  std::vector<T> joined(const auto& state, const auto& projected) const {
    std::vector<T> all(state.begin() + schedule.num_roots() * layer.layout().state_width, state.end());
    if (layer.layout().projects())
      all.insert(all.end(), projected.begin() + schedule.num_roots() * layer.layout().options.projection, projected.end());
    return all;
  }
};
using CellProblem = BasicCellProblem<double>;

}  // namespace test
