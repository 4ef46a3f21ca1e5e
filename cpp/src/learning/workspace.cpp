#include "workspace.h"

namespace recurra {

template <class T>
ModelWeights<T>::ModelWeights(const Model<T>& model, const RowUse* row, bool borrows) {
  for (const auto& layer : model.layers) {
    layers_.push_back(layer->make_weights());
    layers_.back()->row = row;
    layers_.back()->borrows = borrows;
  }
  layers_.front()->gives_dx = false;
}

template <class T>
void ModelWeights<T>::refresh(const Model<T>& model, const T* flat, bool samples) {
  const std::size_t all = layers_.size() - samples;
  for (std::size_t i = 0; i < all; ++i) model.layers[i]->refresh(flat + model.parameter_offset[i], *layers_[i]);
  if (samples) model.scorer->refresh_for_samples(flat + model.parameter_offset[all], *layers_.back());
  initial_state_.resize(std::size_t(model.state_offset.back()));
  model.initial_state(flat, initial_state_.data());
}

template <class T>
Workspace<T>::Workspace(const Model<T>& model) : model_(model) {
  for (const auto& layer : model.layers) tapes_.push_back(layer->make_tape());
}

template <class T>
void Workspace<T>::decode(Schedule output, std::vector<Index> order) {
  output_ = std::move(output);
  order_ = std::move(order);
}

template <class T>
void Workspace<T>::prepare(Schedule schedule, bool backward, Index seeds) {
  schedule_ = std::move(schedule);
  topology_.reset();
  if (model_.pools()) output_ = Schedule::sequences(schedule_.num_roots(), 1);
  size_input();
  lay_out(backward, seeds);
}

template <class T>
void Workspace<T>::prepare(std::shared_ptr<const CompiledTopology> topology, bool backward) {
  topology_ = std::move(topology);
  if (model_.pools()) output_ = Schedule::sequences(topology_->num_structures(), 1);
  size_input();
  lay_out(backward, 1);
}

template <class T>
void Workspace<T>::size_input() {
  teacher_.resize(std::size_t((model_.decodes() ? output_ : schedule()).num_nodes() * model_.teacher_size()));
  input_.resize(std::size_t(schedule().num_nodes() * model_.input_size));
}

template <class T>
void Workspace<T>::lay_out(bool backward, Index seeds) {
  const T* x = input_.data();
  Index x_stride = model_.input_size;
  T* dx = nullptr;
  Index dx_stride = 0;
  for (std::size_t i = 0; i < tapes_.size(); ++i) {
    Tape<T>& tape = *tapes_[i];
    tape.in = i > model_.pooling ? &output_ : &schedule();
    tape.out = i >= model_.pooling || model_.decodes() ? &output_ : &schedule();
    tape.topology = i > model_.pooling ? nullptr : topology_.get();
    tape.order = order_.data();
    tape.seeds = seeds;
    tape.goes_back_once = goes_back_once_;
    tape.x = x;
    tape.x_stride = x_stride;
    tape.dx = dx;
    tape.dx_stride = dx_stride;
    if (i >= num_swept()) break;
    model_.layers[i]->reserve(tape, backward);
    x = tape.y;
    x_stride = tape.y_stride;
    dx = backward ? tape.dy : nullptr;
    dx_stride = tape.dy_stride;
  }
}

template <class T>
void Workspace<T>::set_teacher(bool given, double sampling) {
  for (const auto& tape : tapes_) tape->teacher = {given ? teacher_.data() : nullptr, sampling};
}

template <class T>
void Workspace<T>::set_noise(const Noise& noise) {
  for (const auto& tape : tapes_) tape->noise = noise;
}

template <class T>
void Workspace<T>::load_state(Index sequence, const T* from) {
  for (std::size_t i = 0; i < tapes_.size(); ++i)
    model_.layers[i]->load_state(*tapes_[i], sequence, from + model_.state_offset[i]);
}

template <class T>
void Workspace<T>::save_state(Index level, Index sequence, T* to) const {
  for (std::size_t i = 0; i < tapes_.size(); ++i)
    model_.layers[i]->save_state(*tapes_[i], level, sequence, to + model_.state_offset[i]);
}

template <class T>
void Workspace<T>::carry(Index level) {
  for (std::size_t i = 0; i < tapes_.size(); ++i) model_.layers[i]->carry(*tapes_[i], level);
}

template <class T>
void Workspace<T>::observe(Index sequence, const T* seen) {
  for (std::size_t i = 0; i < tapes_.size(); ++i) model_.layers[i]->observe(*tapes_[i], sequence, seen);
}

template class ModelWeights<float>;
template class ModelWeights<double>;
template class Workspace<float>;
template class Workspace<double>;

}  // namespace recurra
