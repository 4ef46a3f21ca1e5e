#include "weight_history.h"

#include <algorithm>

namespace recurra {

template <class T>
WeightHistory<T>::WeightHistory(const Model<T>& model, Index depth, const T* flat) : model_(model) {
  for (Index i = 0; i < depth; ++i) {
    versions_.push_back({ModelWeights<T>(model), std::vector<T>(std::size_t(model.parameter_offset.back()))});
    set(i, flat);  // so that later updates find their memory
  }
}

template <class T>
void WeightHistory<T>::update(const T* flat) {
  set(++now_, flat);
}

template <class T>
void WeightHistory<T>::copy(const WeightHistory& whole, Index offset) {
  now_ = std::max<Index>(0, whole.now() - std::min(depth(), whole.depth()) + 1) - 1;
  follow(whole, offset);
}

template <class T>
void WeightHistory<T>::follow(const WeightHistory& whole, Index offset) {
  while (now_ < whole.now()) update(whole.flat(std::max(now_ + 1, whole.now() - whole.depth() + 1)).data() + offset);
}

template <class T>
void WeightHistory<T>::save(OnlineFile<T>& file) const {
  file.put("version", now_);
  for (Index v = std::max<Index>(0, now_ - depth() + 1); v <= now_; ++v) file.put("weights." + std::to_string(v), flat(v));
}

template <class T>
void WeightHistory<T>::load(const OnlineFile<T>& file) {
  now_ = Index(file.number("version"));
  for (Index v = std::max<Index>(0, now_ - depth() + 1); v <= now_; ++v)
    set(v, file.vector("weights." + std::to_string(v), std::size_t(model_.parameter_offset.back())).data());
}

template <class T>
void WeightHistory<T>::set(Index version, const T* flat) {
  Version& to = versions_[std::size_t(version % depth())];
  std::copy_n(flat, to.flat.size(), to.flat.begin());
  to.weights.refresh(model_, flat);
}

template class WeightHistory<float>;
template class WeightHistory<double>;

}  // namespace recurra
