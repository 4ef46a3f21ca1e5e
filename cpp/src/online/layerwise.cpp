#include "layerwise.h"

#include <algorithm>

#include "../learning/sweep.h"

namespace recurra {

template <class T>
LayerwiseRow<T>::LayerwiseRow(const Model<T>& model, const WeightHistory<T>& history, LayerLearners<T> learners,
                              std::shared_ptr<const RandomFeedback<T>> feedback)
    : RowRule<T>(model, history, 1),
      learners_(std::move(learners)),
      feedback_(std::move(feedback)),
      dy_(std::size_t(model.output_size)) {
  Index widest = 0;
  for (const auto& layer : model.layers) widest = std::max(widest, layer->output_size());
  error_.resize(std::size_t(widest));
  LayerwiseRow::reset();
}

template <class T>
void LayerwiseRow<T>::reset() {
  RowRule<T>::reset();
  made_ = false;
  for (const auto& learner : learners_)
    if (learner) learner->reset();
}

template <class T>
void LayerwiseRow<T>::step(const T* dy) {
  this->block_.advance();
  made_ = true;
  learns_ = dy != nullptr;
  if (dy) std::copy_n(dy, dy_.size(), dy_.begin());
}

template <class T>
void LayerwiseRow<T>::feed_error(std::size_t layer, Tape<T>& tape) const {
  const std::vector<T>& matrix = (*feedback_)[layer];
  const Index width = Index(dy_.size());
  for (Index i = 0; i * width < Index(matrix.size()); ++i) {
    T sum = 0;
    for (Index j = 0; j < width; ++j) sum += matrix[std::size_t(i * width + j)] * dy_[std::size_t(j)];
    tape.dy[i] = sum;
  }
}

template <class T>
bool LayerwiseRow<T>::absorb(T* to) {
  if (!made_) return true;
  made_ = false;
  const Model<T>& model = this->model_;
  Workspace<T>& workspace = this->block_.workspace();
  const Index version = this->block_.version(1);
  const ModelWeights<T>& weights = this->history_.weights(version);
  const T* flat = this->history_.flat(version).data();
  if (learns_) {
    clear_cotangents(workspace);
    for (Index j = 0; j < model.output_size; ++j) workspace.last().dy[j] += dy_[std::size_t(j)];
  }
  bool good = true;
  for (std::size_t i = model.layers.size(); i-- > 0;) {
    const Layer<T>& layer = *model.layers[i];
    Tape<T>& tape = workspace.tape(i);
    T* gradient = to + model.parameter_offset[i];
    const T* teacher = tape.teacher.rows;
    tape.teacher.rows = nullptr;  // backwards as the forward sweep left it
    if (learns_) {
      if (feedback_ && !(*feedback_)[i].empty()) feed_error(i, tape);
      std::copy_n(tape.dy, layer.output_size(), error_.begin());  // the sweep back may change it
      layer.backward(weights[i], tape, {1, 2});
    }
    if (learners_[i])
      good &= learners_[i]->step({weights[i], flat + model.parameter_offset[i], tape, learns_ ? error_.data() : nullptr, teacher},
                                 gradient);
    else if (learns_)
      layer.gradient(tape, {1, 2}, {gradient});
  }
  return good;
}

template <class T>
bool LayerwiseRow<T>::gradient(T* to) {
  bool good = absorb(to);
  for (std::size_t i = 0; i < learners_.size(); ++i)
    if (learners_[i]) good &= learners_[i]->gradient(to + this->model_.parameter_offset[i]);
  return good;
}

template <class T>
bool LayerwiseRow<T>::settle(T* to, bool now) {
  bool good = absorb(to);
  for (std::size_t i = 0; i < learners_.size(); ++i)
    if (learners_[i]) good &= learners_[i]->settle(to + this->model_.parameter_offset[i], now);
  if (this->block_.steps() == 0) return good;
  this->save_state(this->state_.data());
  this->block_.begin(this->state_.data());
  return good;
}

template <class T>
void LayerwiseRow<T>::forget() {
  for (const auto& learner : learners_)
    if (learner) learner->forget();
  made_ = false;
  this->save_state(this->state_.data());
  this->block_.begin(this->state_.data());
}

template <class T>
void LayerwiseRow<T>::influence(Index offset, Index size, T* to) {
  std::fill_n(to, Index(this->state_.size()) * size, T(0));
  for (std::size_t i = 0; i < learners_.size(); ++i) {
    if (!learners_[i]) continue;
    const Index first = this->model_.parameter_offset[i];
    const bool here = offset >= first && offset < this->model_.parameter_offset[i + 1];
    if (!learners_[i]->influence(offset - first, here ? size : 0, to + this->model_.state_offset[i] * size))
      return RowRule<T>::influence(offset, size, to);
  }
}

template <class T>
void LayerwiseRow<T>::save(OnlineFile<T>& file, const std::string& prefix) const {
  RowRule<T>::save(file, prefix);
  for (std::size_t i = 0; i < learners_.size(); ++i)
    if (learners_[i]) learners_[i]->save(file, prefix + "layer" + std::to_string(i) + ".");
}

template <class T>
void LayerwiseRow<T>::load(const OnlineFile<T>& file, const std::string& prefix) {
  RowRule<T>::load(file, prefix);
  made_ = false;
  for (std::size_t i = 0; i < learners_.size(); ++i)
    if (learners_[i]) learners_[i]->load(file, prefix + "layer" + std::to_string(i) + ".");
}

template <class T>
bool is_learner(const Model<T>& model, std::size_t layer) {
  return model.state_offset[layer] < model.state_offset[layer + 1] &&
         model.parameter_offset[layer] < model.parameter_offset[layer + 1];
}

template <class T>
std::string layer_name(const Model<T>& model, std::size_t layer) {
  return "layer " + std::to_string(layer) + " (" + model.specs[layer].type + ")";
}

template <class T>
std::vector<std::string> paths_between_layers(const Model<T>& model) {
  std::vector<std::string> paths;
  for (std::size_t upper = 0; upper < model.layers.size(); ++upper)
    if (model.state_offset[upper] < model.state_offset[upper + 1] && model.parameter_offset[upper] > 0)
      paths.push_back("what the parameters below " + layer_name(model, upper) + " do through its earlier states");
  return paths;
}

#define RECURRA_INSTANTIATE(T)                                   \
  template class LayerwiseRow<T>;                                \
  template bool is_learner(const Model<T>&, std::size_t);        \
  template std::string layer_name(const Model<T>&, std::size_t); \
  template std::vector<std::string> paths_between_layers(const Model<T>&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
