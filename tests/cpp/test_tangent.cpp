// The JVP: against central differences along random directions of inputs and initial states, for every cell and for whole
// networks; two directions (seeds) at a time.
#include <doctest/doctest.h>

#include "network_problem.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::difference;
using test::random_vector;

constexpr double step = 1e-5;

// (f(+step) - f(-step)) / (2 step) while `values` moves along `direction`.
template <class F>
std::vector<double> slope(std::vector<double>& values, const std::vector<double>& direction, const F& f) {
  const std::vector<double> middle = values;
  const auto at = [&](double distance) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = middle[i] + distance * direction[i];
    return f();
  };
  // Of fourth order, as central_difference.
  const std::vector<double> above = at(step), below = at(-step), far_above = at(2 * step), far_below = at(-2 * step);
  values = middle;
  std::vector<double> result(above.size());
  for (std::size_t i = 0; i < above.size(); ++i)
    result[i] = (8 * (above[i] - below[i]) - (far_above[i] - far_below[i])) / (12 * step);
  return result;
}

}  // namespace

TEST_CASE("tangent: every cell and stage, along inputs and initial states, equals central differences") {
  for (const std::string& cell : all_layers())
    for (const Index units : {6, 18}) {
      CAPTURE(cell);
      test::CellProblem p(cell, Schedule::sequences({6, 5, 2, 0}), 3, units);
      const CellLayout& layout = p.layer.layout();
      constexpr Index seeds = 2;
      p.tape.seeds = seeds;
      p.layer.reserve(p.tape, true);
      const auto states = [&] {
        p.forward();
        return p.states();
      };
      std::vector<double> dx(p.x.size() * seeds), expected[seeds];
      p.layer.clear_cotangents(p.tape);
      for (Index seed = 0; seed < seeds; ++seed) {
        const std::vector<double> x = random_vector(std::uint64_t(20 + seed), Index(p.x.size()));
        const std::vector<double> initial = random_vector(std::uint64_t(30 + seed), Index(p.initial.size()));
        expected[seed] = slope(p.x, x, states);
        const std::vector<double> by_initial = slope(p.initial, initial, states);
        for (std::size_t i = 0; i < by_initial.size(); ++i) expected[seed][i] += by_initial[i];
        for (Index node = 0; node < p.schedule.num_nodes(); ++node)
          std::copy_n(x.begin() + node * 3, 3, dx.begin() + (node * seeds + seed) * 3);
        for (Index row = 0; row < p.schedule.num_roots(); ++row)
          for (Index at = 0; const CarriedState& c : layout.carried) {
            std::copy_n(initial.begin() + row * p.carried_width() + at, c.width,
                        p.layer.carried_cotangent(p.tape, c, row * seeds + seed));
            at += c.width;
          }
      }
      p.forward();
      p.tape.dx = dx.data();
      p.layer.tangent(p.weights, p.tape, p.schedule.all_levels());
      for (Index seed = 0; seed < seeds; ++seed) {
        CHECK(difference(p.tangents(seed), expected[seed]) < 1e-7);
      }
    }
}

TEST_CASE("tangent: networks, along the initial states; outputs, and the states after") {
  using namespace layers;
  const std::vector<std::vector<LayerSpec>> networks{
      {lstm(3, 5), gru(5, 4), linear(4, 2), layers::tanh()},
      {elman(3, 5), dropout(0.3), last(), linear(5, 2), relu()},
      {gru(3, 5), mean(), linear(5, 2), logistic()},
      {gru(3, 5), layers::max(), linear(5, 2), layers::tanh()},
      {embedding(7, 3), lstm(3, 5), linear(5, 2)},
      {gru(3, 5), adaptive_softmax(5, 7, {2, 4}, 2.0), elman(7, 3)},
      {delay(2, {{"input_size", std::int64_t(3)}, {"dilation", std::int64_t(2)}}), linear(9, 2), layers::tanh(),
       delay(1, {{"present", false}})},
      {elman(3, 4), feedback({linear(8, 3), layers::tanh(), gru(3, 2)}, 2), residual({skip({delay(3)}), linear(10, 2)})},
      {feedback({gru(3 + 2, 4), stack_memory(3, 2)}, 1, 2), linear(6, 2)},
      {feedback({lstm(3 + 4, 4), ntm_memory(4, 2, {{"read_heads", Index(2)}, {"write_heads", Index(2)}})}, 1, 4), linear(8, 2)},
  };
  for (std::size_t n = 0; n < networks.size(); ++n) {
    CAPTURE(n);
    test::NetworkProblem p(networks[n], {6, 5, 2});
    std::vector<double> direction = random_vector(9, Index(p.initial.size()));
    for (const StateBlock& block : p.network.state_blocks())  // pooling has no tangent of its own state
      for (Index i = 0; i < 3; ++i)
        if (test::is_pooled(block)) std::fill_n(direction.begin() + i * p.network.state_size() + block.offset, block.width, 0.0);
    // Outputs, and the states after the last steps; `tangents`: of those.
    const auto outcome = [&](bool tangents) {
      const Tape<double>& last = p.workspace.last();
      std::vector<double> values, states(p.initial.size());
      for (Index i = 0; i < p.workspace.output_schedule().num_nodes(); ++i) {
        const double* row = tangents ? last.dy + i * last.dy_stride : last.y + i * last.y_stride;
        values.insert(values.end(), row, row + p.network.output_size());
      }
      for (Index i = 0; i < 3; ++i) {
        const Index length = p.lengths[std::size_t(i)], at = i * p.network.state_size();
        if (tangents)
          p.save_cotangents(i, length, states);
        else
          p.workspace.save_state(length, i, states.data() + at);
        for (const StateBlock& block : p.network.state_blocks())
          if (test::is_pooled(block)) std::fill_n(states.begin() + at + block.offset, block.width, 0.0);
      }
      values.insert(values.end(), states.begin(), states.end());
      return values;
    };
    const Index rows[] = {0, 1, 2};
    for (const double sampling : {1.0, 0.0, 0.5}) {  // the closed loop, the open one, and something in between
      if (sampling < 1 && p.network.model()->teacher_size() == 0) continue;
      if (sampling < 1) p.teach(sampling, rows);
      const std::vector<double> expected = slope(p.initial, direction, [&] {
        p.objective();
        return outcome(false);
      });
      p.objective();
      clear_cotangents(p.workspace);
      for (Index i = 0; i < 3; ++i) p.add_cotangents(i, 0, direction);
      tangent(p.weights, p.workspace, p.workspace.schedule().all_levels());
      CHECK(difference(outcome(true), expected) < 1e-8);
      CHECK(difference(outcome(true), std::vector<double>(expected.size(), 0.0)) > 1e-3);
    }
  }
}

TEST_CASE("tangent: a step from the tangents of the states before gives those of the states after") {
  using namespace layers;
  const Options two{{"input_size", std::int64_t(2)}};
  const std::vector<std::vector<LayerSpec>> networks{
      {delay(2, two), linear(6, 3), layers::tanh(), delay(2, {{"dilation", std::int64_t(2)}}), linear(9, 2)},
      {delay(1, two), feedback({linear(8, 3), layers::tanh(), linear(3, 2)}, 2)},
      {lstm(2, 3), feedback({gru(3 + 2, 3), delay(3), linear(12, 1)}, 2)},
      {residual({elman(2, 2)}), skip({feedback({linear(3, 1)})}), delay(2, {{"present", false}})},
      {feedback({elman(2 + 2, 3), stack_memory(3, 2)}, 1, 2)},
      {feedback({gru(2 + 2, 3), ntm_memory(4, 2)}, 1, 2), linear(5, 2)},
  };
  for (std::size_t n = 0; n < networks.size(); ++n) {
    CAPTURE(n);
    constexpr Index length = 5;
    test::NetworkProblem p(networks[n], {length});
    const std::vector<double> direction = random_vector(9, Index(p.initial.size()));
    p.objective();
    std::vector<double> moved = direction;
    for (Index level = 1; level <= length; ++level) {
      clear_cotangents(p.workspace);
      p.add_cotangents(0, level - 1, moved);
      tangent(p.weights, p.workspace, {level, level + 1});
      p.save_cotangents(0, level, moved);
      std::vector<double> state(moved.size());
      const std::vector<double> expected = slope(p.initial, direction, [&] {
        p.objective();
        p.workspace.save_state(level, 0, state.data());
        return state;
      });
      p.objective();
      CHECK(difference(moved, expected) < 1e-8);
    }
    CHECK(difference(moved, std::vector<double>(moved.size(), 0.0)) > 1e-4);
  }
}
