// Walks through a block besides the two of the exact rule: one error, one step, and one step forward along a tangent.
#include "../backends/select.h"
#include "../learning/sweep.h"
#include "block.h"

namespace recurra {

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

// Each step with the weights it was made with.
template <class T>
void Block<T>::descend(Index last, Index from, T* gradient) {
  for (Index level = last; level >= from; --level) {
    const ModelWeights<T>& weights = history_.weights(version(level));
    for (std::size_t i = model_.layers.size(); i-- > 0;)
      model_.layers[i]->backward(weights[i], workspace_.tape(i), {level, level + 1});
  }
  recurra::gradient(workspace_, {from, last + 1}, {gradient});
}

template <class T>
T Block<T>::walk_back_one(Index level, T* gradient, T* cotangent, Index from) {
  clear_cotangents(workspace_);
  workspace_.set_teacher(false, 0);
  Tape<T>& tape = workspace_.last();
  const T* dy = dy_.data() + (level - 1) * model_.output_size;
  for (Index j = 0; j < model_.output_size; ++j) tape.dy[(level - 1) * tape.dy_stride + j] += dy[j];
  learned_[std::size_t(level - 1)] = false;
  while (last_learned_ > 0 && !learned(last_learned_)) --last_learned_;
  descend(level, from, gradient);
  save_cotangent(from - 1, cotangent);
  return kernels<T>(backend()).reductions.largest(dy, model_.output_size);
}

template <class T>
void Block<T>::add_initial_gradient(T* gradient) {
  recurra::initial_gradient(workspace_, {gradient});
}

template <class T>
void Block<T>::walk_back_state(const T* cotangent, T* gradient) {
  clear_cotangents(workspace_);
  workspace_.set_teacher(false, 0);
  add_cotangent(steps_, cotangent);
  descend(steps_, steps_, gradient);
}

template <class T>
void Block<T>::walk_back_start(const T* cotangent, T* gradient) {
  clear_cotangents(workspace_);
  add_cotangent(0, cotangent);
  add_initial_gradient(gradient);
}

template <class T>
void Block<T>::tangent(const T* before, T* after) {
  clear_cotangents(workspace_);
  workspace_.set_teacher(false, 0);
  add_cotangent(steps_ - 1, before);
  const ModelWeights<T>& weights = history_.weights(version(steps_));
  for (std::size_t i = 0; i < model_.layers.size(); ++i)
    model_.layers[i]->tangent(weights[i], workspace_.tape(i), {steps_, steps_ + 1});
  save_cotangent(steps_, after);
}

#define RECURRA_INSTANTIATE(T)                              \
  template void Block<T>::add_cotangent(Index, const T*);   \
  template void Block<T>::save_cotangent(Index, T*);        \
  template void Block<T>::descend(Index, Index, T*);        \
  template T Block<T>::walk_back_one(Index, T*, T*, Index); \
  template void Block<T>::add_initial_gradient(T*);         \
  template void Block<T>::walk_back_state(const T*, T*);    \
  template void Block<T>::walk_back_start(const T*, T*);    \
  template void Block<T>::tangent(const T*, T*);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
