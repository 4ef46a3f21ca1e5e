// A whole network on a ragged batch with everything random, and the objective
//   sum(dy * y) + sum(dstate * last state).
#pragma once

#include "learning/sweep.h"
#include "problem.h"

namespace test {

// What a pooling layer carries: a mean or a maximum so far, and a count.
inline bool is_pooled(const recurra::StateBlock& block) {
  return block.name.ends_with("mean") || block.name.ends_with("max") || block.name.ends_with("count");
}

struct NetworkProblem {
  // `list`: the lengths, longest first.
  NetworkProblem(std::vector<recurra::LayerSpec> layers, std::vector<Index> list)
      : network(std::move(layers), std::uint64_t(1)),
        workspace(*network.model()),
        weights(*network.model()),
        lengths(std::move(list)) {
    const std::vector<double> values = random_vector(1, Index(network.flat().size()), 0.6);
    std::copy(values.begin(), values.end(), network.flat().begin());
    workspace.prepare(Schedule::sequences(lengths), true);
    const Index batch = Index(lengths.size());
    x = random_vector(2, workspace.schedule().num_nodes() * network.input_size());
    if (network.takes_ids())
      for (double& id : x) id = std::floor((id + 1) / 2 * double(network.num_ids()));
    initial = random_vector(3, batch * network.state_size());
    dy = random_vector(4, workspace.output_schedule().num_nodes() * network.output_size());
    dstate = random_vector(5, batch * network.state_size());
    for (const recurra::StateBlock& block : network.state_blocks())
      for (Index i = 0; i < batch; ++i) {
        const Index at = i * network.state_size() + block.offset;
        make_possible(block.name, initial.data() + at, block.width);
        if (block.name.ends_with("count")) initial[std::size_t(at)] = 3;
        // No gradient passes from window to window through a pooling layer.
        if (is_pooled(block)) std::fill_n(dstate.begin() + at, block.width, 0.0);
      }
  }

  double objective() {
    const Index batch = Index(lengths.size()), width = network.state_size();
    weights.refresh(*network.model(), network.flat().data());
    for (Index i = 0; i < batch; ++i) workspace.load_state(i, initial.data() + i * width);
    std::copy(x.begin(), x.end(), workspace.input());
    recurra::forward(weights, workspace, workspace.schedule().all_levels());
    double sum = 0;
    const recurra::Tape<double>& tape = workspace.last();
    for (Index i = 0; i < workspace.output_schedule().num_nodes(); ++i)
      for (Index j = 0; j < network.output_size(); ++j)
        sum += dy[std::size_t(i * network.output_size() + j)] * tape.y[i * tape.y_stride + j];
    std::vector<double> state(static_cast<std::size_t>(width));
    for (Index i = 0; i < batch; ++i) {
      workspace.save_state(lengths[std::size_t(i)], i, state.data());
      for (Index j = 0; j < width; ++j) sum += dstate[std::size_t(i * width + j)] * state[std::size_t(j)];
    }
    return sum;
  }

  // After objective(). No gradient by x; `initial` is zero for what pooling layers carry.
  Gradients gradients() {
    recurra::clear_cotangents(workspace);
    recurra::Tape<double>& last = workspace.last();
    for (Index i = 0; i < workspace.output_schedule().num_nodes(); ++i)
      std::copy_n(dy.begin() + i * network.output_size(), network.output_size(), last.dy + i * last.dy_stride);
    for (Index i = 0; i < Index(lengths.size()); ++i) add_cotangents(i, lengths[std::size_t(i)], dstate);
    const recurra::Levels levels = workspace.schedule().all_levels();
    recurra::backward(weights, workspace, levels);
    Gradients result{std::vector<double>(network.flat().size()), {}, std::vector<double>(initial.size())};
    recurra::gradient(workspace, levels, {result.params.data()});
    for (Index i = 0; i < Index(lengths.size()); ++i) save_cotangents(i, 0, result.initial);
    return result;
  }

  // The cotangents (or tangents) of the carried states after `level`: added to those of the tapes, and read from them. Pooling
  // layers have none.
  void add_cotangents(Index sequence, Index level, const std::vector<double>& values) {
    const recurra::Model<double>& model = *network.model();
    for (std::size_t k = 0; k < model.layers.size(); ++k)
      model.layers[k]->add_cotangent(workspace.tape(k), level, sequence, 0,
                                     values.data() + sequence * network.state_size() + model.state_offset[k]);
  }
  void save_cotangents(Index sequence, Index level, std::vector<double>& values) {
    const recurra::Model<double>& model = *network.model();
    for (std::size_t k = 0; k < model.layers.size(); ++k)
      model.layers[k]->save_cotangent(workspace.tape(k), level, sequence, 0,
                                      values.data() + sequence * network.state_size() + model.state_offset[k]);
  }

  // Feeds back random values, but with this probability the network's own outputs. `rows` draw the choice.
  void teach(double sampling, const Index* rows) {
    workspace.set_teacher(true, sampling);
    const std::vector<double> values = random_vector(6, workspace.output_schedule().num_nodes() * network.teacher_size());
    std::copy(values.begin(), values.end(), workspace.teacher());
    workspace.set_noise({true, 77, rows});
  }

  recurra::BasicNetwork<double> network;
  recurra::Workspace<double> workspace;
  recurra::ModelWeights<double> weights;
  std::vector<Index> lengths;
  std::vector<double> x, initial, dy, dstate;
};

}  // namespace test
