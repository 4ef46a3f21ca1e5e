// Diagnosis: gradients of states and Jacobians = central differences, signals = the states of a stream.
#include <doctest/doctest.h>

#include "problem.h"
#include "recurra/diagnosis.h"
#include "recurra/stream.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::difference;
using Vector = std::vector<double>;

constexpr Index inputs = 3, num_steps = 5;

struct Case {
  explicit Case(std::vector<LayerSpec> layers) : network(std::move(layers), std::uint64_t(1)), state(network, 1) {
    const Vector drawn = test::random_vector(1, Index(network.flat().size()), 0.6);
    std::copy(drawn.begin(), drawn.end(), network.flat().begin());
    const Vector values = test::random_vector(3, Index(state.data().size()));
    std::copy(values.begin(), values.end(), state.data().begin());
    test::make_possible(state);
  }
  // The states after each step, from `start` before step `first`.
  std::vector<Vector> states(const Vector& start, Index first, Vector* y = nullptr) const {
    BasicStream<double> stream(network);
    BasicState<double> now(network, 1);
    std::copy(start.begin(), start.end(), now.data().begin());
    stream.set_state(now);
    std::vector<Vector> all;
    Vector out(std::size_t(network.output_size()));
    for (Index t = first; t < num_steps; ++t) {
      REQUIRE(stream.step(std::span(x).subspan(std::size_t(t * inputs), inputs), out));
      const BasicState<double> after = stream.state();
      all.emplace_back(after.data().begin(), after.data().end());
    }
    if (y) *y = out;
    return all;
  }
  BasicNetwork<double> network;
  BasicState<double> state;
  Vector x = test::random_vector(2, num_steps* inputs);
};

}  // namespace

TEST_CASE("diagnosis: the Jacobian of a step and gradients of the states = central differences, for every cell and stage") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    Case c({cell_layer(cell, inputs, 4), layers::linear(output_size(cell, 4), 2)});
    BasicDiagnosis<double> diagnosis(c.network, c.x, num_steps, &c.state);
    const Index width = diagnosis.state_size();
    const Vector start(c.state.data().begin(), c.state.data().end());
    const std::vector<Vector> states = c.states(start, 0);
    const Vector jacobians = diagnosis.jacobians(), target = test::random_vector(7, 2);
    const Vector gradients = diagnosis.state_gradients(num_steps - 1, {target.data()}, Loss::mse);
    const Index stride = cell.find(" + ") == std::string::npos ? 1 : num_steps - 1;
    for (Index t = 0; t < num_steps; t += stride) {
      Vector before = t == 0 ? start : states[std::size_t(t - 1)];
      Vector central(std::size_t(width * width));
      for (Index k = 0; k < width; ++k) {
        const Vector column = test::central_difference(std::span(before), [&] { return c.states(before, t)[0][std::size_t(k)]; });
        std::copy(column.begin(), column.end(), central.begin() + k * width);
      }
      CHECK(difference(std::span(jacobians).subspan(std::size_t(t * width * width), std::size_t(width * width)), central) < 1e-7);
      const Vector slope = test::central_difference(std::span(before), [&] {
        Vector y;
        c.states(before, t, &y);
        double loss = 0;
        for (std::size_t j = 0; j < y.size(); ++j) loss += (y[j] - target[j]) * (y[j] - target[j]) / double(y.size());
        return loss;
      });
      CHECK(difference(std::span(gradients).subspan(std::size_t(t * width), std::size_t(width)), slope) < 1e-7);
    }
  }
}

TEST_CASE("diagnosis: stacks, wrappers and pooling; signals are the states of the stream") {
  using namespace layers;
  Case c({gru(inputs, 4), residual({lstm(4, 4)}), skip({elman(4, 2)})});
  BasicDiagnosis<double> diagnosis(c.network, c.x, num_steps, &c.state);
  const std::vector<Vector> states = c.states({c.state.data().begin(), c.state.data().end()}, 0);
  std::vector<std::string> names;
  for (const Signal<double>& signal : diagnosis.signals()) {
    names.push_back(signal.name);
    CHECK(Index(signal.values.size()) == num_steps * signal.width);
  }
  CHECK(names == std::vector<std::string>{"0.state.h", "0.gate.r", "0.gate.z", "0.gate.n", "0.gate.q", "1.0.state.h",
                                          "1.0.state.c", "1.0.gate.i", "1.0.gate.f", "1.0.gate.g", "1.0.gate.o", "2.0.state.h",
                                          "2.0.gate.n"});
  const Signal<double> c_of_lstm = diagnosis.signals()[6];
  for (Index t = 0; t < num_steps; ++t)
    for (Index j = 0; j < 4; ++j)
      CHECK(c_of_lstm.values[std::size_t(t * 4 + j)] == doctest::Approx(states[std::size_t(t)][std::size_t(8 + j)]));
  for (const Signal<double>& signal : diagnosis.signals())
    if (signal.name == "0.gate.z" || signal.name == "1.0.gate.f")
      for (const double gate : signal.values) CHECK((gate > 0 && gate < 1));

  // The gradient travels by the Jacobians: only the last output counts.
  const Vector target = test::random_vector(7, 6), jacobians = diagnosis.jacobians();
  const Vector gradients = diagnosis.state_gradients(num_steps - 1, {target.data()}, Loss::mae);
  const Index width = diagnosis.state_size();
  for (Index t = num_steps - 2; t >= 1; --t)
    for (Index j = 0; j < width; ++j) {
      double sum = 0;
      for (Index k = 0; k < width; ++k)
        sum += gradients[std::size_t((t + 1) * width + k)] * jacobians[std::size_t((t * width + k) * width + j)];
      CHECK(gradients[std::size_t(t * width + j)] == doctest::Approx(sum));
    }

  Case pooled({lstm(inputs, 4), last(), linear(4, 3)});
  BasicDiagnosis<double> of_pooled(pooled.network, pooled.x, num_steps, &pooled.state);
  const std::int64_t id = 1;
  const Vector flow = of_pooled.state_gradients(num_steps - 1, {nullptr, &id}, Loss::cross_entropy);
  Vector start(pooled.state.data().begin(), pooled.state.data().end());
  const Vector slope = test::central_difference(std::span(start), [&] {
    Vector y;
    pooled.states(start, 0, &y);
    return std::log(std::exp(y[0]) + std::exp(y[1]) + std::exp(y[2])) - y[1];
  });
  CHECK(difference(std::span(flow).first(8), slope) < 1e-8);
  CHECK_THROWS_AS(of_pooled.jacobians(), std::invalid_argument);
  CHECK_THROWS_AS(of_pooled.state_gradients(0, {nullptr, &id}, Loss::cross_entropy), std::out_of_range);
}

TEST_CASE("diagnosis: what does not fit is refused") {
  using namespace layers;
  const BasicNetwork<double> both({bidirectional(lstm(inputs, 2))}), plain({lstm(inputs, 2)});
  const Vector x = test::random_vector(2, num_steps * inputs);
  CHECK_THROWS_AS(BasicDiagnosis<double>(both, x, num_steps), std::invalid_argument);
  CHECK_THROWS_AS(BasicDiagnosis<double>(plain, x, num_steps - 1), std::invalid_argument);
  BasicDiagnosis<double> diagnosis(plain, x, num_steps);
  const Vector target(2);
  CHECK_THROWS_AS(diagnosis.state_gradients(num_steps, {target.data()}, Loss::mse), std::out_of_range);
  CHECK_THROWS_AS(diagnosis.state_gradients(0, {}, Loss::mse), std::invalid_argument);
}
