// What the tests of online learning share: networks of all kinds, and random data in the order of its steps.
#pragma once

#include "online_problem.h"

namespace test {

// As many layers of a cell on top of each other, and a readout.
inline std::vector<recurra::LayerSpec> cell_stack(const std::string& cell, Index inputs, Index depth, Index units) {
  std::vector<recurra::LayerSpec> specs{cell_layer(cell, inputs, units)};
  while (Index(specs.size()) < depth) specs.push_back(cell_layer(cell, output_size(cell, units), units));
  specs.push_back(recurra::layers::linear(output_size(cell, units), 2));
  return specs;
}

// Networks of all kinds of causal layers.
inline const std::vector<std::vector<recurra::LayerSpec>>& causal_networks() {
  using namespace recurra;
  using namespace recurra::layers;
  const Options three{{"input_size", std::int64_t(3)}}, learned{{"learned_initial_state", true}};
  static const std::vector<std::vector<LayerSpec>> all{
      {delay(2, three), linear(9, 3), layers::tanh(), delay(2, {{"dilation", std::int64_t(2)}}), linear(9, 2)},
      {delay(1, three), feedback({linear(6 + 4, 3), layers::tanh(), linear(3, 2)}, 2)},
      {linear(3, 3), layers::tanh(), lstm(3, 4), gru(4, 3), linear(3, 2)},
      {residual({elman(3, 3)}), skip({feedback({linear(4, 1)})}), delay(1, {{"present", false}}), linear(4, 2)},
      {lstm(3, 4), feedback({gru(4 + 4, 3), delay(1), linear(6, 2)}, 2)},
      {embedding(5, 3), gru(3, 4), linear(4, 2)},
      {lstm(3, 4, learned), elman(4, 3, "tanh", learned), linear(3, 2)},
      {cell_layer("LeakyElman(activation=tanh)", 3, 4), linear(4, 2)},
      {gru(3, 4), adaptive_softmax(4, 5, {2}, 2.0)},
      {feedback({elman(3 + 2, 3), stack_memory(3, 2)}, 1, 2), linear(5, 2)},
      {feedback({gru(3 + 2, 3), ntm_memory(4, 2)}, 1, 2), linear(5, 2)},
  };
  return all;
}

// Inputs, targets and teachers of a learner, [steps][batch][width] each.
struct OnlineData {
  OnlineData(const recurra::BasicNetwork<double>& network, Index num_steps, Index num_rows = 1)
      : steps(num_steps),
        batch(num_rows),
        inputs(network.input_size()),
        outputs(network.output_size()),
        taught(network.teacher_size()),
        x(random_vector(2, steps * batch * inputs)),
        y(random_vector(3, steps * batch * outputs)),
        seen(random_vector(4, steps * batch * taught)) {
    if (network.takes_ids())
      for (double& id : x) id = std::floor((id + 1) / 2 * double(network.num_ids()));
  }
  std::span<const double> input(Index t) const { return at(x, t, inputs); }
  recurra::Target<double> target(Index t) const { return {y.data() + t * batch * outputs}; }
  std::span<const double> teacher(Index t) const { return at(seen, t, taught); }
  std::span<const double> at(const std::vector<double>& values, Index t, Index width) const {
    return std::span(values).subspan(std::size_t(t * batch * width), std::size_t(batch * width));
  }

  Index steps, batch, inputs, outputs, taught;
  std::vector<double> x, y, seen;
};

}  // namespace test
