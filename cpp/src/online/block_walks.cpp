// Walks through a block: back from errors or from a state, and one step forward along a tangent.
#include <algorithm>

#include "../backends/select.h"
#include "../learning/sweep.h"
#include "block.h"

namespace recurra {

template <class T>
void Block<T>::begin_walk() {
  clear_cotangents(workspace_);
  workspace_.set_teacher(false, 0);
}

template <class T>
T Block<T>::add_error(Index level) {
  Tape<T>& tape = workspace_.last();
  const T* dy = dy_.data() + (level - 1) * model_.output_size;
  for (Index j = 0; j < model_.output_size; ++j) tape.dy[(level - 1) * tape.dy_stride + j] += dy[j];
  learned_[std::size_t(level - 1)] = false;
  entered_[std::size_t(level - 1)] = true;
  return kernels<T>(backend()).reductions.largest(dy, model_.output_size);
}

template <class T>
void Block<T>::add_cotangent(Index level, const T* cotangent) {
  for (std::size_t i = 0; i < model_.layers.size(); ++i)
    model_.layers[i]->add_cotangent(workspace_.tape(i), level, 0, 0, cotangent + model_.state_offset[i]);
}

template <class T>
void Block<T>::save_cotangent(Index level, T* cotangent) {
  for (std::size_t i = 0; i < model_.layers.size(); ++i)
    model_.layers[i]->save_cotangent(workspace_.tape(i), level, 0, 0, cotangent + model_.state_offset[i]);
}

template <class T>
void Block<T>::step_back(Index level, std::size_t begin, std::size_t end) {
  const ModelWeights<T>& weights = history_.weights(version(level));
  for (std::size_t i = end; i-- > begin;) model_.layers[i]->backward(weights[i], workspace_.tape(i), {level, level + 1});
}

// Where no error enters, the layers above the last one with a state have nothing to say.
template <class T>
void Block<T>::descend(Index last, Index from, T* gradient) {
  Index first = last + 1;
  for (Index level = last; level >= from; --level) {
    char& entered = entered_[std::size_t(level - 1)];
    step_back(level, 0, entered ? model_.layers.size() : remembering_);
    if (entered) first = level;
    entered = false;
  }
  for (std::size_t i = 0; i < model_.layers.size(); ++i)
    model_.layers[i]->gradient(workspace_.tape(i), {i < remembering_ ? from : first, last + 1},
                               {gradient + model_.parameter_offset[i]});
}

template <class T>
T Block<T>::walk_back(T* gradient, T* cotangent) {
  const Index last = last_learned_;
  last_learned_ = 0;
  T given = 0;
  begin_walk();
  for (Index level = last; level >= 1; --level)
    if (learned(level)) given = std::max(given, add_error(level));
  descend(last, 1, gradient);
  save_cotangent(0, cotangent);
  return given;
}

template <class T>
T Block<T>::walk_back_one(Index level, T* gradient, T* cotangent, Index from) {
  begin_walk();
  const T given = add_error(level);
  while (last_learned_ > 0 && !learned(last_learned_)) --last_learned_;
  descend(level, from, gradient);
  save_cotangent(from - 1, cotangent);
  return given;
}

template <class T>
void Block<T>::add_initial_gradient(T* gradient) {
  recurra::initial_gradient(workspace_, {gradient});
}

template <class T>
void Block<T>::walk_back_state(const T* cotangent, T* gradient) {
  begin_walk();
  add_cotangent(steps_, cotangent);
  descend(steps_, steps_, gradient);
}

template <class T>
void Block<T>::walk_back_start(const T* cotangent, T* gradient) {
  begin_walk();
  add_cotangent(0, cotangent);
  add_initial_gradient(gradient);
}

template <class T>
void Block<T>::tangent(const T* before, T* after) {
  begin_walk();
  add_cotangent(steps_ - 1, before);
  const ModelWeights<T>& weights = history_.weights(version(steps_));
  for (std::size_t i = 0; i < model_.layers.size(); ++i)
    model_.layers[i]->tangent(weights[i], workspace_.tape(i), {steps_, steps_ + 1});
  save_cotangent(steps_, after);
}

// The identity, element by element of the state after a level.
template <class T>
void Block<T>::seed(Index level, const InfluenceRows& rows, Index first) {
  begin_walk();
  for (Index k = 0; k < std::min(seeds_, rows.last - first); ++k) {
    unit_[std::size_t(first + k)] = 1;
    for (std::size_t i = rows.learning; i < rows.layers; ++i)
      if (model_.state_offset[i] <= first + k && first + k < model_.state_offset[i + 1])
        model_.layers[i]->add_cotangent(workspace_.tape(i), level, 0, k, unit_.data() + model_.state_offset[i]);
    unit_[std::size_t(first + k)] = 0;
  }
}

template <class T>
void Block<T>::walk_back_seeds(const InfluenceRows& rows, Index first, GradientTarget<T> gradient, T* cotangents) {
  seed(steps_, rows, first);
  for (Index level = steps_; level >= 1; --level) step_back(level, rows.learning, rows.layers);
  for (std::size_t i = rows.learning; i < rows.layers; ++i)
    model_.layers[i]->gradient(workspace_.tape(i), {1, steps_ + 1},
                               {gradient.data + model_.parameter_offset[i] - rows.offset, gradient.stride});
  const Index width = model_.state_offset.back();
  for (Index k = 0; k < std::min(seeds_, rows.last - first); ++k)
    for (std::size_t i = rows.learning; i < rows.layers; ++i)
      model_.layers[i]->save_cotangent(workspace_.tape(i), 0, 0, k, cotangents + k * width + model_.state_offset[i]);
}

template <class T>
void Block<T>::initial_seeds(const InfluenceRows& rows, Index first, GradientTarget<T> gradient) {
  seed(0, rows, first);
  for (std::size_t i = rows.learning; i < rows.layers; ++i)
    model_.layers[i]->initial_gradient(workspace_.tape(i),
                                       {gradient.data + model_.parameter_offset[i] - rows.offset, gradient.stride});
}

#define RECURRA_INSTANTIATE(T)                                                                 \
  template T Block<T>::walk_back(T*, T*);                                                      \
  template T Block<T>::walk_back_one(Index, T*, T*, Index);                                    \
  template void Block<T>::add_initial_gradient(T*);                                            \
  template void Block<T>::walk_back_state(const T*, T*);                                       \
  template void Block<T>::walk_back_start(const T*, T*);                                       \
  template void Block<T>::tangent(const T*, T*);                                               \
  template void Block<T>::walk_back_seeds(const InfluenceRows&, Index, GradientTarget<T>, T*); \
  template void Block<T>::initial_seeds(const InfluenceRows&, Index, GradientTarget<T>);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
