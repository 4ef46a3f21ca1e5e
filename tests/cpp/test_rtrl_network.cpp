// The influence of a whole network from its backward sweeps, block by block: delays, feedback and what stands around them =
// central differences. The rule itself is tested layer by layer in test_rtrl.cpp.
#include <doctest/doctest.h>

#include "network_problem.h"

namespace {

using namespace recurra;
using test::difference;
using Vector = std::vector<double>;

constexpr Index num_steps = 7;

// d(state after all steps)/d(parameters), [state][parameters], advanced every `block` steps.
Vector influence(const BasicNetwork<double>& network, const Vector& x, const Vector& start, Index block) {
  const Model<double>& model = *network.model();
  const Index states = network.state_size(), count = Index(network.flat().size()), inputs = network.input_size();
  ModelWeights<double> weights(model);
  weights.refresh(model, network.flat().data());
  Vector j(std::size_t(states * count)), state = start, unit(static_cast<std::size_t>(states)), row(unit.size());
  for (Index begin = 0; begin < num_steps; begin += block) {
    const Index steps = std::min(block, num_steps - begin);
    Workspace<double> workspace(model);
    workspace.prepare(Schedule::sequences(1, steps), true, states);
    workspace.load_state(0, state.data());
    std::copy_n(x.begin() + begin * inputs, steps * inputs, workspace.input());
    const Levels levels = workspace.schedule().all_levels();
    forward(weights, workspace, levels);
    clear_cotangents(workspace);
    const auto for_each_layer = [&](const auto& visit) {
      for (std::size_t i = 0; i < model.layers.size(); ++i) visit(*model.layers[i], workspace.tape(i), model.state_offset[i]);
    };
    for (Index k = 0; k < states; ++k) {
      std::fill(unit.begin(), unit.end(), 0.0);
      unit[std::size_t(k)] = 1;
      for_each_layer([&](const Layer<double>& layer, Tape<double>& tape, Index offset) {
        layer.add_cotangent(tape, steps, 0, k, unit.data() + offset);
      });
    }
    backward(weights, workspace, levels);
    Vector next(j.size());
    gradient(workspace, levels, {next.data(), count});
    for (Index k = 0; k < states; ++k) {
      for_each_layer([&](const Layer<double>& layer, Tape<double>& tape, Index offset) {
        layer.save_cotangent(tape, 0, 0, k, row.data() + offset);
      });
      for (Index s = 0; s < states; ++s)
        for (Index p = 0; p < count; ++p) next[std::size_t(k * count + p)] += row[std::size_t(s)] * j[std::size_t(s * count + p)];
    }
    j = next;
    workspace.save_state(steps, 0, state.data());
  }
  return j;
}

Vector last_state(BasicNetwork<double>& network, const Vector& x, const Vector& start) {
  ModelWeights<double> weights(*network.model());
  weights.refresh(*network.model(), network.flat().data());
  Workspace<double> workspace(*network.model());
  workspace.prepare(Schedule::sequences(1, num_steps), false);
  workspace.load_state(0, start.data());
  std::copy(x.begin(), x.end(), workspace.input());
  forward(weights, workspace, workspace.schedule().all_levels());
  Vector state(start.size());
  workspace.save_state(num_steps, 0, state.data());
  return state;
}

}  // namespace

TEST_CASE("rtrl: the influence of networks with delays and feedback = central differences") {
  using namespace layers;
  const Options two{{"input_size", std::int64_t(2)}};
  const std::vector<std::vector<LayerSpec>> networks{
      {delay(2, two), linear(6, 3), layers::tanh(), delay(2, {{"dilation", std::int64_t(2)}}), linear(9, 2)},
      {delay(1, two), feedback({linear(8, 3), layers::tanh(), linear(3, 2)}, 2)},
      {feedback({linear(2 + 2, 3), logistic(), linear(3, 2)}), gru(2, 2)},
      {lstm(2, 2), feedback({gru(2 + 2, 3), delay(1), linear(6, 1)}, 2)},
      {elman(2, 3), adaptive_softmax(3, 5, {1, 3}, 1.5), gru(5, 2)},
      {residual({elman(2, 2)}), skip({feedback({linear(3, 1)})}), delay(1, {{"present", false}})},
      {feedback({elman(2 + 2, 3), stack_memory(3, 2)}, 1, 2)},
      {feedback({gru(2 + 2, 3), ntm_memory(4, 2)}, 1, 2)},
  };
  for (std::size_t n = 0; n < networks.size(); ++n) {
    CAPTURE(n);
    BasicNetwork<double> network(networks[n], std::uint64_t(1));
    const Vector params = test::random_vector(1, Index(network.flat().size()), 0.6);
    std::copy(params.begin(), params.end(), network.flat().begin());
    const Vector x = test::random_vector(2, num_steps * network.input_size());
    const Vector start = test::random_vector(3, network.state_size());
    const Vector plain = influence(network, x, start, 1);
    for (const Index block : {2, 3, 7}) CHECK(difference(influence(network, x, start, block), plain) < 1e-12);
    const Index count = Index(params.size());
    for (Index k = 0; k < network.state_size(); ++k) {
      const Vector slope =
          test::central_difference(network.flat(), [&] { return last_state(network, x, start)[std::size_t(k)]; });
      CHECK(difference(std::span(plain).subspan(std::size_t(k * count), std::size_t(count)), slope) < 1e-7);
    }
  }
}
