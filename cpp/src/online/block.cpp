#include "block.h"

#include <algorithm>
#include <cmath>

namespace recurra {

template <class T>
Block<T>::Block(const Model<T>& model, const WeightHistory<T>& history, Index capacity, Index seeds)
    : model_(model),
      history_(history),
      workspace_(model),
      version_(std::size_t(capacity)),
      taught_(std::size_t(capacity)),
      learned_(std::size_t(capacity)),
      entered_(std::size_t(capacity)),
      start_(std::size_t(model.state_offset.back())),
      unit_(start_.size()),
      dy_(std::size_t(capacity * model.output_size)) {
  workspace_.prepare(Schedule::sequences(1, capacity), true, seeds);
  set_seeds(1);
  for (std::size_t i = 0; i < model.layers.size(); ++i)
    if (!model.layers[i]->state().empty()) remembering_ = i + 1;
}

template <class T>
void Block<T>::begin(const T* state) {
  std::copy_n(state, start_.size(), start_.begin());
  workspace_.load_state(0, state);
  steps_ = last_learned_ = 0;
}

template <class T>
const T* Block<T>::step(const T* x, const T* teacher, Index version) {
  const Index width = model_.teacher_size();
  std::copy_n(x, model_.input_size, workspace_.input() + steps_ * model_.input_size);
  if (teacher) std::copy_n(teacher, width, workspace_.teacher() + steps_ * width);
  workspace_.set_teacher(teacher != nullptr, 0);
  taught_[std::size_t(steps_)] = teacher != nullptr;
  version_[std::size_t(steps_)] = version;
  const ModelWeights<T>& weights = history_.weights(version);
  for (std::size_t i = 0; i < model_.layers.size(); ++i)
    model_.layers[i]->forward(weights[i], workspace_.tape(i), {steps_ + 1, steps_ + 2});
  const Tape<T>& last = workspace_.last();
  return last.y + steps_ * last.y_stride;
}

template <class T>
const T* Block<T>::look(const T* x, const T* teacher) {
  return step(x, teacher, history_.now());
}

template <class T>
void Block<T>::advance() {
  learned_[std::size_t(steps_++)] = false;
}

template <class T>
void Block<T>::set_seeds(Index seeds) {
  workspace_.set_seeds(seeds_ = seeds);
}

template <class T>
void Block<T>::forget(Index steps) {
  const Index kept = steps_ - steps, pending = last_learned_ - steps;
  save_state(steps, start_.data());
  workspace_.load_state(0, start_.data());
  steps_ = 0;
  for (Index i = 0; i < kept; ++i) {
    const std::size_t from = std::size_t(steps + i);
    step(input(steps + i), teacher(steps + i), version_[from]);
    learned_[std::size_t(i)] = learned_[from];
    std::copy_n(dy_.begin() + (steps + i) * model_.output_size, model_.output_size, dy_.begin() + i * model_.output_size);
    ++steps_;
  }
  last_learned_ = std::max<Index>(pending, 0);
}

template <class T>
const T* Block<T>::teacher(Index step) const {
  return taught_[std::size_t(step)] ? const_cast<Workspace<T>&>(workspace_).teacher() + step * model_.teacher_size() : nullptr;
}

template <class T>
void Block<T>::learn(const T* dy) {
  std::copy_n(dy, model_.output_size, dy_.begin() + (steps_ - 1) * model_.output_size);
  learned_[std::size_t(steps_ - 1)] = true;
  last_learned_ = steps_;
}

template <class T>
void Block<T>::save(OnlineFile<T>& file, const std::string& prefix) const {
  file.put(prefix + "steps", steps_);
  file.put(prefix + "last_learned", last_learned_);
  file.put(prefix + "start", start_);
  for (Index i = 0; i < steps_; ++i) {
    const std::string name = prefix + std::to_string(i) + ".";
    const std::size_t at = std::size_t(i);
    file.put(name + "version", version_[at]);
    file.put(name + "input", {input(i), std::size_t(model_.input_size)});
    file.put(name + "taught", taught_[at]);
    if (taught_[at]) file.put(name + "teacher", {teacher(i), std::size_t(model_.teacher_size())});
    file.put(name + "learned", learned_[at]);
    if (learned_[at]) file.put(name + "dy", {dy_.data() + i * model_.output_size, std::size_t(model_.output_size)});
  }
}

// Whatever the numbers are, nothing outside its memory is touched.
template <class T>
void Block<T>::load(const OnlineFile<T>& file, const std::string& prefix) {
  const auto expect = [&](bool good, const std::string& what) {
    if (!good) file.fail("'" + prefix + "' " + what);
  };
  begin(file.vector(prefix + "start", start_.size()).data());
  const Index steps = Index(file.number(prefix + "steps"));
  expect(steps >= 0 && steps <= capacity(),
         "has " + std::to_string(steps) + " steps, expected 0 .. " + std::to_string(capacity()));
  while (steps_ < steps) {
    const std::string name = prefix + std::to_string(steps_) + ".";
    const auto vector = [&](const char* of, Index width) { return file.vector(name + of, std::size_t(width)).data(); };
    const T* x = vector("input", model_.input_size);
    for (Index j = 0; model_.takes_ids() && j < model_.input_size; ++j)
      expect(x[j] >= T(0) && x[j] < T(model_.num_ids) && x[j] == std::floor(x[j]), "has an input that is no class id");
    const T* seen = file.number(name + "taught", 0, 1) ? vector("teacher", model_.teacher_size()) : nullptr;
    const Index version = Index(file.number(name + "version"));
    expect(version >= 0 && version <= history_.now() && version > history_.now() - history_.depth(),
           "has a step with weights of version " + std::to_string(version) + ", which are not there");
    step(x, seen, version);
    advance();
    if (file.number(name + "learned", 0, 1)) learn(vector("dy", model_.output_size));
  }
  expect(file.number(prefix + "last_learned") == last_learned_, "does not tell which step learned last");
}

template class Block<float>;
template class Block<double>;

}  // namespace recurra
