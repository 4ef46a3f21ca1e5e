#include "row_rule.h"

#include <stdexcept>

#include "../learning/finite.h"

namespace recurra {

template <class T>
const T* RowRule<T>::look(const T* x, const T* teacher) {
  const T* y = block_.look(x, teacher);
  block_.save_state(block_.steps() + 1, state_.data());
  return all_finite(y, model_.output_size) && all_finite(state_.data(), Index(state_.size())) ? y : nullptr;
}

template <class T>
void RowRule<T>::reset() {
  block_.begin(history_.weights(history_.now()).initial_state());
}

template <class T>
void RowRule<T>::step(const T* dy) {
  block_.advance();
  if (dy) block_.learn(dy);
}

template <class T>
void RowRule<T>::influence(Index, Index, T*) {
  throw std::invalid_argument("influence: the rule keeps no influence of the parameters on the state, expected RTRL");
}

template <class T>
void RowRule<T>::save(OnlineFile<T>& file, const std::string& prefix) const {
  block_.save(file, prefix + "block.");
}

template <class T>
void RowRule<T>::load(const OnlineFile<T>& file, const std::string& prefix) {
  block_.load(file, prefix + "block.");
}

template class RowRule<float>;
template class RowRule<double>;

}  // namespace recurra
