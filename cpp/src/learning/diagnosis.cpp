#include "recurra/diagnosis.h"

#include <algorithm>
#include <stdexcept>

#include "checks.h"
#include "loss.h"
#include "sweep.h"

namespace recurra {

template <class T>
struct BasicDiagnosis<T>::Impl {
  Impl(const BasicNetwork<T>& network, std::span<const T> x, Index steps, const BasicState<T>* state)
      : keep_model(network.model()), model(*keep_model), weights(model), workspace(model), time(steps) {
    model.expect_sequences("Diagnosis");
    if (model.looks_ahead())
      throw std::invalid_argument("Diagnosis: layer " + std::to_string(model.looking_ahead) + " (" +
                                  model.specs[model.looking_ahead].type +
                                  ") looks ahead, expected a network whose outputs depend on earlier steps alone");
    if (steps < 1 || Index(x.size()) != steps * model.input_size)
      throw std::invalid_argument("Diagnosis: x has " + std::to_string(x.size()) + " elements, expected (time, input) = (" +
                                  std::to_string(steps) + ", " + std::to_string(model.input_size) + "), at least one step");
    if (state) state->check("Diagnosis", model.state_blocks, 1);
    for (Index t = 0; t < steps; ++t) check_features(model, x.data() + t * model.input_size, {0, t});
    weights.refresh(model, network.flat().data());
    workspace.prepare(Schedule::sequences(1, steps), true);
    workspace.load_state(0, state ? state->row(0).data() : weights.initial_state());
    std::copy(x.begin(), x.end(), workspace.input());
    forward(weights, workspace, workspace.schedule().all_levels());
  }

  Index state_size() const { return model.state_offset.back(); }
  std::size_t layers_over_time() const { return std::min(model.pooling + 1, model.layers.size()); }

  // One layer's part of a row of state cotangents.
  void save_cotangent(std::size_t layer, Index level, T* row) {
    model.layers[layer]->save_cotangent(workspace.tape(layer), level, 0, 0, row + model.state_offset[layer]);
  }

  const std::shared_ptr<const Model<T>> keep_model;
  const Model<T>& model;
  ModelWeights<T> weights;
  Workspace<T> workspace;
  Index time;
};

template <class T>
BasicDiagnosis<T>::BasicDiagnosis(const BasicNetwork<T>& network, std::span<const T> x, Index time, const BasicState<T>* state)
    : impl_(std::make_unique<Impl>(network, x, time, state)) {}
template <class T>
BasicDiagnosis<T>::~BasicDiagnosis() = default;
template <class T>
BasicDiagnosis<T>::BasicDiagnosis(BasicDiagnosis&&) noexcept = default;

template <class T>
Index BasicDiagnosis<T>::time() const {
  return impl_->time;
}
template <class T>
Index BasicDiagnosis<T>::state_size() const {
  return impl_->state_size();
}

template <class T>
std::vector<Signal<T>> BasicDiagnosis<T>::signals() const {
  std::vector<Signal<T>> all;
  for (std::size_t i = 0; i < impl_->layers_over_time(); ++i) {
    const Layer<T>& layer = *impl_->model.layers[i];
    const std::size_t first = all.size();
    Index total = 0;
    for (const StateSpec& spec : layer.signals()) {
      all.push_back({std::to_string(i) + "." + spec.name, spec.width, {}});
      total += spec.width;
    }
    std::vector<T> row(static_cast<std::size_t>(total));
    for (Index level = 1; level <= impl_->time; ++level) {
      layer.save_signals(impl_->workspace.tape(i), level, 0, row.data());
      auto from = row.begin();
      for (std::size_t k = first; k < all.size(); ++k) {
        all[k].values.insert(all[k].values.end(), from, from + all[k].width);
        from += all[k].width;
      }
    }
  }
  return all;
}

template <class T>
std::vector<T> BasicDiagnosis<T>::state_gradients(Index step, const Target<T>& target, const Loss& loss) {
  Impl& d = *impl_;
  if (step < 0 || step >= d.time || (d.model.pools() && step != d.time - 1))
    throw std::out_of_range("state_gradients: step is " + std::to_string(step) + ", expected " +
                            (d.model.pools() ? "the last one of a network that pools" : "0 .. " + std::to_string(d.time - 1)));
  check_loss("state_gradients", d.model, target, loss);
  check_target(d.model, target, loss, 0, {0, d.model.pools() ? -1 : step});
  clear_cotangents(d.workspace);
  Tape<T>& last = d.workspace.last();
  const Index node = d.model.pools() ? 0 : step;
  entry_loss(loss, last.y + node * last.y_stride, target, 0, d.model.output_size, 1, last.dy + node * last.dy_stride);

  const Index width = d.state_size();
  std::vector<T> gradients(std::size_t((step + 1) * width));
  const auto backward = [&](std::size_t i, Levels levels) {
    d.model.layers[i]->backward(d.weights[i], d.workspace.tape(i), levels);
  };
  for (std::size_t i = d.model.layers.size(); i-- > d.layers_over_time();) backward(i, {1, 2});
  for (Index level = step + 1; level >= 1; --level) {
    for (std::size_t i = d.layers_over_time(); i-- > 0;) backward(i, {level, level + 1});
    for (std::size_t i = 0; i < d.layers_over_time(); ++i) d.save_cotangent(i, level - 1, gradients.data() + (level - 1) * width);
  }
  return gradients;
}

template <class T>
std::vector<T> BasicDiagnosis<T>::jacobians() {
  Impl& d = *impl_;
  if (d.model.pools())
    throw std::invalid_argument("jacobians: the network pools over time, expected one without; leave the pooling out");
  const Index width = d.state_size();
  std::vector<T> all(std::size_t(d.time * width * width)), state(static_cast<std::size_t>(width)), unit(state.size());
  if (width == 0) return all;
  Workspace<T> step(d.model);
  step.prepare(Schedule::sequences(1, 1), true, width);  // one seed per element of the state
  for (Index t = 0; t < d.time; ++t) {
    d.workspace.save_state(t, 0, state.data());
    step.load_state(0, state.data());
    std::copy_n(d.workspace.input() + t * d.model.input_size, d.model.input_size, step.input());
    forward(d.weights, step, {1, 2});
    clear_cotangents(step);
    for (Index k = 0; k < width; ++k) {
      std::fill(unit.begin(), unit.end(), T(0));
      unit[std::size_t(k)] = 1;
      for (std::size_t i = 0; i < d.model.layers.size(); ++i)
        d.model.layers[i]->add_cotangent(step.tape(i), 1, 0, k, unit.data() + d.model.state_offset[i]);
    }
    backward(d.weights, step, {1, 2});
    for (Index k = 0; k < width; ++k)
      for (std::size_t i = 0; i < d.model.layers.size(); ++i)
        d.model.layers[i]->save_cotangent(step.tape(i), 0, 0, k, all.data() + (t * width + k) * width + d.model.state_offset[i]);
  }
  return all;
}

template class BasicDiagnosis<float>;
template class BasicDiagnosis<double>;

}  // namespace recurra
