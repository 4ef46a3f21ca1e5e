// Exact real-time recurrent learning of one layer from `backward` with seeds: the influence J = d(carried states)/d(parameters)
// advances by walking a block of steps back with the identity as cotangents of the last carried states.
//
// The wall of the design: plain (a step at a time) = blocked for every cell while the weights move, provided each step is
// walked back with the weights it used.
#include <doctest/doctest.h>

#include "problem.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::difference;
using Vector = std::vector<double>;

constexpr Index inputs = 3, num_steps = 11;

// One sequence batch that learns: inputs, initial states, and parameters that move by a small step after each time step.
struct Trajectory {
  Trajectory(const std::string& cell, Index units, Index rows) : Trajectory(cell_layer(cell, inputs, units), rows) {}
  Trajectory(const LayerSpec& spec, Index rows) : Trajectory(*find_cell(cell_variant(spec)), spec, rows) {}
  Trajectory(const CellTable& table, const LayerSpec& spec, Index rows)
      : layer(table, backend().float64, cell_options(spec, table.info, spec.type)),
        batch(rows),
        width(layer.layout().carried_width) {
    const Index count = layer.layout().num_parameters;
    params = test::random_vector(1, count, 0.6);
    for (Index t = 0; t < num_steps; ++t) moves.push_back(test::random_vector(std::uint64_t(10 + t), count, 0.05));
    x = test::random_vector(2, num_steps * batch * inputs);  // [time][batch][inputs]
    initial = test::random_vector(3, batch * width);
  }

  // The parameters of step t, moved or not, plus `offset` at all steps.
  void refresh(CellWeights<double>& weights, Index t, bool moving, const Vector& offset = {}) const {
    Vector now = params;
    for (Index s = 0; moving && s < t; ++s)
      for (std::size_t i = 0; i < now.size(); ++i) now[i] += moves[std::size_t(s)][i];
    for (std::size_t i = 0; i < offset.size(); ++i) now[i] += offset[i];
    layer.refresh(now.data(), weights);
  }

  CellLayer<double> layer;
  Index batch, width;  // carried elements per row
  Vector params, x, initial;
  std::vector<Vector> moves;
};

// A tape of `steps` steps, with the places of the carried states in its rows.
struct Block {
  Block(const Trajectory& of, Index steps, Index seeds, bool backward)
      : trajectory(of), schedule(Schedule::sequences(of.batch, steps)) {
    tape.in = tape.out = &schedule;
    tape.seeds = seeds;
    tape.x_stride = inputs;
    of.layer.reserve(tape, backward);
  }
  // The cotangent of element k of the carried state in row `row` of cotangents.
  double& cotangent(Index row, Index k) {
    for (const CarriedState& c : trajectory.layer.layout().carried) {
      if (k < c.width) return trajectory.layer.carried_cotangent(tape, c, row)[k];
      k -= c.width;
    }
    throw std::out_of_range("cotangent");
  }
  const Trajectory& trajectory;
  Schedule schedule;
  CellTape<double> tape;
};

enum class Walk { own_weights, last_weights };

// The influence of each row, [batch][width][parameters], after every block, and the carried states with it.
struct Influence {
  std::vector<Vector> j, states;
};

Influence influence(const Trajectory& trajectory, Index block, bool moving, Walk walk = Walk::own_weights) {
  const Index batch = trajectory.batch, width = trajectory.width, count = Index(trajectory.params.size());
  Influence result;
  Vector j(std::size_t(batch * width * count), 0.0), state = trajectory.initial;
  for (Index begin = 0; begin < num_steps; begin += block) {
    const Index steps = std::min(block, num_steps - begin);
    Block b(trajectory, steps, width, true);
    b.tape.x = trajectory.x.data() + begin * batch * inputs;
    for (Index i = 0; i < batch; ++i) trajectory.layer.load_state(b.tape, i, state.data() + i * width);
    std::vector<CellWeights<double>> weights(static_cast<std::size_t>(steps));
    for (Index level = 1; level <= steps; ++level) {
      trajectory.refresh(weights[std::size_t(level - 1)], begin + level - 1, moving);
      trajectory.layer.forward(weights[std::size_t(level - 1)], b.tape, {level, level + 1});
    }
    trajectory.layer.clear_cotangents(b.tape);
    for (Index i = 0; i < batch; ++i)
      for (Index k = 0; k < width; ++k) b.cotangent((b.schedule.row(steps) + i) * width + k, k) = 1;
    for (Index level = steps; level >= 1; --level)
      trajectory.layer.backward(walk == Walk::own_weights ? weights[std::size_t(level - 1)] : weights.back(), b.tape,
                                {level, level + 1});
    Vector next(j.size(), 0.0);
    trajectory.layer.gradient(b.tape, b.schedule.all_levels(), {next.data(), count});  // F
    for (Index i = 0; i < batch; ++i)
      for (Index s = 0; s < width; ++s)
        for (Index k = 0; k < width; ++k) {
          const double w = b.cotangent(i * width + s, k);
          for (Index p = 0; p < count; ++p)
            next[std::size_t((i * width + s) * count + p)] += w * j[std::size_t((i * width + k) * count + p)];
        }
    j = next;
    trajectory.layer.carry(b.tape, steps);
    for (Index i = 0; i < batch; ++i) trajectory.layer.save_state(b.tape, 0, i, state.data() + i * width);
    result.j.push_back(j);
    result.states.push_back(state);
  }
  return result;
}

// The carried states after all steps, with `offset` added to the parameters of every step.
Vector last_states(const Trajectory& trajectory, bool moving, const Vector& offset) {
  Block b(trajectory, num_steps, 1, false);
  b.tape.x = trajectory.x.data();
  for (Index i = 0; i < trajectory.batch; ++i)
    trajectory.layer.load_state(b.tape, i, trajectory.initial.data() + i * trajectory.width);
  CellWeights<double> weights;
  for (Index level = 1; level <= num_steps; ++level) {
    trajectory.refresh(weights, level - 1, moving, offset);
    trajectory.layer.forward(weights, b.tape, {level, level + 1});
  }
  Vector states(trajectory.initial.size());
  for (Index i = 0; i < trajectory.batch; ++i)
    trajectory.layer.save_state(b.tape, num_steps, i, states.data() + i * trajectory.width);
  return states;
}

}  // namespace

TEST_CASE("rtrl: blocked = plain while the weights move") {
  for (const std::string& cell : all_layers())
    for (const Index units : {6, 10}) {
      if (units == 10 && cell.find(" + ") != std::string::npos) continue;
      CAPTURE(cell);
      const Trajectory trajectory(cell, units, 1);
      const Influence plain = influence(trajectory, 1, true);
      REQUIRE(plain.j.size() == std::size_t(num_steps));
      for (const Index block : {2, 3, 7}) {
        CAPTURE(block);
        const Influence blocked = influence(trajectory, block, true);
        for (std::size_t b = 0; b < blocked.j.size(); ++b) {
          const std::size_t step = std::size_t(std::min<Index>((Index(b) + 1) * block, num_steps)) - 1;
          CHECK(difference(blocked.j[b], plain.j[step]) < 1e-12);
          CHECK(difference(blocked.states[b], plain.states[step]) < 1e-13);
        }
      }
    }
}

TEST_CASE("rtrl: the influence = central differences in the parameters of all steps") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    const Trajectory trajectory(cell, 4, 1);
    const Influence plain = influence(trajectory, 1, true), blocked = influence(trajectory, 4, true);
    Vector offset(trajectory.params.size(), 0.0), central(plain.j.back().size());
    constexpr double step = 1e-5;
    for (std::size_t p = 0; p < offset.size(); ++p) {
      const auto difference_of = [&](double distance) {
        offset[p] = distance;
        Vector states = last_states(trajectory, true, offset);
        offset[p] = -distance;
        const Vector below = last_states(trajectory, true, offset);
        offset[p] = 0;
        for (std::size_t s = 0; s < states.size(); ++s) states[s] -= below[s];
        return states;
      };
      const Vector near = difference_of(step), far = difference_of(2 * step);  // of fourth order, as central_difference
      for (std::size_t s = 0; s < near.size(); ++s) central[s * offset.size() + p] = (8 * near[s] - far[s]) / (12 * step);
    }
    CHECK(difference(plain.j.back(), central) < 1e-7);
    CHECK(difference(blocked.j.back(), central) < 1e-7);
    CHECK(difference(plain.states.back(), last_states(trajectory, true, offset)) < 1e-13);
  }
}

TEST_CASE("rtrl: with frozen weights the gradients of all steps add up to the one of BPTT") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    const Trajectory trajectory(cell, 6, 2);
    const Index batch = trajectory.batch, width = trajectory.width, count = Index(trajectory.params.size());
    const Vector delta = test::random_vector(9, num_steps * batch * width);  // d loss / d carried states of each step
    Vector online(std::size_t(count), 0.0), bptt = online;
    const Influence plain = influence(trajectory, 1, false);
    for (Index t = 0; t < num_steps; ++t)
      for (Index s = 0; s < batch * width; ++s)
        for (Index p = 0; p < count; ++p)
          online[std::size_t(p)] +=
              delta[std::size_t(t * batch * width + s)] * plain.j[std::size_t(t)][std::size_t(s * count + p)];

    Block b(trajectory, num_steps, 1, true);
    b.tape.x = trajectory.x.data();
    for (Index i = 0; i < batch; ++i) trajectory.layer.load_state(b.tape, i, trajectory.initial.data() + i * width);
    CellWeights<double> weights;
    trajectory.refresh(weights, 0, false);
    trajectory.layer.forward(weights, b.tape, b.schedule.all_levels());
    trajectory.layer.clear_cotangents(b.tape);
    for (Index t = 0; t < num_steps; ++t)
      for (Index i = 0; i < batch; ++i)
        for (Index k = 0; k < width; ++k)
          b.cotangent(b.schedule.row(t + 1) + i, k) = delta[std::size_t((t * batch + i) * width + k)];
    trajectory.layer.backward(weights, b.tape, b.schedule.all_levels());
    trajectory.layer.gradient(b.tape, b.schedule.all_levels(), {bptt.data()});
    CHECK(difference(online, bptt) < 1e-10);
  }
}

TEST_CASE("rtrl: walking back with the last weights instead gives another influence") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    const Trajectory trajectory(cell, 6, 1);
    const CellLayout& layout = trajectory.layer.layout();
    // Some diagonal cells have no parameter on the way from state to state.
    if (layout.feed.products.empty() && layout.message.products.empty() && layout.num_unit_params == 0) continue;
    const Vector exact = influence(trajectory, 7, true).j.back();
    CHECK(difference(influence(trajectory, 7, true, Walk::last_weights).j.back(), exact) > 1e-4);
    // Where the weights rest the two are the same: it is the weights that make the difference.
    const Vector frozen = influence(trajectory, 7, false).j.back();
    CHECK(difference(influence(trajectory, 7, false, Walk::last_weights).j.back(), frozen) < 1e-14);
    CHECK(difference(frozen, exact) > 1e-4);
  }
}

TEST_CASE("rtrl: the rows of a batch are separate runs") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    const Trajectory batch(cell, 6, 3);
    const Influence together = influence(batch, 3, true);
    for (Index row = 0; row < 3; ++row) {
      Trajectory alone(cell, 6, 1);
      for (Index t = 0; t < num_steps; ++t)
        std::copy_n(batch.x.begin() + (t * 3 + row) * inputs, inputs, alone.x.begin() + t * inputs);
      std::copy_n(batch.initial.begin() + row * batch.width, batch.width, alone.initial.begin());
      const Influence single = influence(alone, 3, true);
      for (std::size_t b = 0; b < single.j.size(); ++b) {
        const std::size_t size = single.j[b].size();
        CHECK(difference(std::span(together.j[b]).subspan(std::size_t(row) * size, size), single.j[b]) < 1e-13);
      }
    }
  }
}

TEST_CASE("rtrl: only carried states have rows") {
  CHECK(Trajectory("LSTM", 5, 1).width == 10);
  CHECK(Trajectory("GRU(reset=after)", 5, 1).width == 5);
  CHECK(Trajectory("TestDiagonalLstm", 5, 1).width == 5);  // h leaves, but nobody reads it
  CHECK(Trajectory("LSTM + projection", 6, 1).width == 3 + 6);
}

TEST_CASE("rtrl: a gradient per seed needs sequences of one length, a sum one seed") {
  const Trajectory trajectory("LSTM", 5, 2);
  Block block(trajectory, 3, 2, true);
  Vector target(trajectory.params.size() * 4);
  block.tape.x = trajectory.x.data();
  CHECK_THROWS_AS(trajectory.layer.gradient(block.tape, {1, 4}, {target.data()}), std::logic_error);
  block.schedule = Schedule::sequences({3, 2});
  CHECK_THROWS_AS(trajectory.layer.gradient(block.tape, {1, 4}, {target.data(), Index(trajectory.params.size())}),
                  std::logic_error);
}
