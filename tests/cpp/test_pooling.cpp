// Max by itself, its winners found by hand: ties, carried maxima, several seeds, levels in pieces, values that are no numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "layers/max_pooling.h"

namespace {

using namespace recurra;
using Vector = std::vector<double>;

// Three sequences of 3, 2 and 0 steps of two features, from a state of (maxima, count) each.
struct Case {
  static constexpr Index width = 2, seeds = 2;
  explicit Case(const std::vector<Vector>& states) {
    tape->in = &schedule;
    tape->out = &pooled;
    tape->seeds = seeds;
    tape->x = x.data();
    tape->x_stride = tape->dx_stride = width;
    layer.reserve(*tape, true);
    for (std::size_t i = 0; i < states.size(); ++i) layer.load_state(*tape, Index(i), states[i].data());
  }
  void forward(Levels levels) { layer.forward(Weights<double>{}, *tape, levels); }
  Vector output() const { return {tape->y, tape->y + 3 * width}; }
  Vector state(Index sequence) const {
    Vector values(width + 1);
    layer.save_state(*tape, 0, sequence, values.data());
    return values;
  }
  // What reaches x, [node][seed][feature], of cotangents 1, 2, 3, ... in the order of [sequence][seed][feature].
  Vector backward(const std::vector<Levels>& pieces) {
    Vector dx(x.size() * seeds);
    tape->dx = dx.data();
    layer.clear_cotangents(*tape);
    for (Index i = 0; i < 3 * seeds * width; ++i) tape->dy[i] = double(i + 1);
    for (const Levels levels : pieces) layer.backward(Weights<double>{}, *tape, levels);
    return dx;
  }
  Vector tangent(Vector dx) {
    tape->dx = dx.data();
    layer.clear_cotangents(*tape);
    layer.tangent(Weights<double>{}, *tape, {1, 4});
    return {tape->dy, tape->dy + 3 * seeds * width};
  }

  Max<double> layer{width};
  Schedule schedule = Schedule::sequences({3, 2, 0}), pooled = Schedule::sequences({1, 1, 1});
  // Level by level: both sequences, both, the first alone.
  Vector x{-3, 5, 1, -2, -1, 5, 1, -1, -1, 4};
  std::unique_ptr<Tape<double>> tape = layer.make_tape();
};

const Vector none{0, 0, 0};

}  // namespace

TEST_CASE("pooling: the maximum of each sequence, and where its gradient goes") {
  for (const bool whole : {true, false}) {
    CAPTURE(whole);
    Case c({none, none, none});
    if (whole) c.forward({1, 4});
    for (Index level = 1; !whole && level < 4; ++level) c.forward({level, level + 1});
    CHECK(c.output() == Vector{-1, 5, 1, -1, 0, 0});
    CHECK(c.state(0) == Vector{-1, 5, 3});
    CHECK(c.state(1) == Vector{1, -1, 2});
    CHECK(c.state(2) == none);
    // The first -1 and 5 of the first sequence, the first 1 of the second.
    const Vector expected{0, 2, 0, 4, 5, 0, 7, 0, 1, 0, 3, 0, 0, 6, 0, 8, 0, 0, 0, 0};
    CHECK(c.backward({{1, 4}}) == expected);
    CHECK(c.backward({{3, 4}, {1, 3}}) == expected);
    CHECK(c.backward({{2, 4}, {1, 2}}) == expected);
    Vector dx(20);
    for (std::size_t i = 0; i < dx.size(); ++i) dx[i] = double(i);
    CHECK(c.tangent(dx) == Vector{8, 1, 10, 3, 4, 13, 6, 15, 0, 0, 0, 0});
  }
}

TEST_CASE("pooling: a carried maximum goes on, and takes its gradient with it") {
  Case c({{-2, 5, 1}, {3, -4, 7}, {-6, 8, 2}});
  c.forward({1, 4});
  CHECK(c.output() == Vector{-1, 5, 3, -1, -6, 8});
  CHECK(c.state(0) == Vector{-1, 5, 4});
  CHECK(c.state(2) == Vector{-6, 8, 2});
  CHECK(c.backward({{1, 4}}) == Vector{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 6, 0, 8, 0, 0, 0, 0});
  // The next steps start at level 1 again: winners of the steps before are none of theirs.
  for (double& value : c.x) value = -9;
  c.forward({1, 4});
  CHECK(c.output() == Vector{-1, 5, 3, -1, -6, 8});
  CHECK(c.backward({{1, 4}}) == Vector(20));
}

TEST_CASE("pooling: infinities are values, and a NaN is not passed over") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  Case c({none, none, none});
  c.x = {-inf, nan, 1, 2, -inf, 3, inf, nan, -inf, 4};
  c.forward({1, 4});
  const Vector y = c.output();
  CHECK(y[0] == -inf);
  CHECK(std::isnan(y[1]));
  CHECK(y[2] == inf);
  CHECK(std::isnan(y[3]));
}
