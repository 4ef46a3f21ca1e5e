#include "wrapper.h"

#include <stdexcept>

#include "option_reader.h"

namespace recurra {

template <class T>
std::size_t WrapperWeights<T>::bytes() const {
  std::size_t sum = 0;
  for (const auto& child : children) sum += child->bytes();
  return sum;
}

template <class T>
std::size_t WrapperTape<T>::bytes() const {
  std::size_t sum = PlainTape<T>::bytes();
  for (const auto& child : children) sum += child->bytes();
  return sum;
}

template <class T>
Wrapper<T>::Wrapper(std::vector<Child<T>> children) : children_(std::move(children)) {
  const auto add = [](Index& sum, Index size) {
    if (__builtin_add_overflow(sum, size, &sum)) throw std::invalid_argument("Network: the number of parameters overflows");
  };
  for (const Child<T>& c : children_) {
    Index parameters = parameter_offset_.back(), states = state_offset_.back();
    for (const ParameterSpec& spec : c.layer->parameters()) add(parameters, spec.size());
    for (const StateSpec& spec : c.layer->state()) add(states, spec.width);
    if (states > OptionReader::most_elements) throw std::invalid_argument("Network: the size of the state overflows");
    parameter_offset_.push_back(parameters);
    state_offset_.push_back(states);
  }
}

template <class T>
bool Wrapper<T>::needs_time() const {
  for (const Child<T>& c : children_)
    if (c.layer->needs_time()) return true;
  return false;
}

template <class T>
Domain Wrapper<T>::domain() const {
  Domain all = Domain::any;
  for (const Child<T>& c : children_) meet(all, c.layer->domain(), all);  // they do, see inner_layers.cpp
  return all;
}

template <class T>
bool Wrapper<T>::looks_ahead() const {
  for (const Child<T>& c : children_)
    if (c.layer->looks_ahead()) return true;
  return false;
}

template <class T>
std::vector<Index> Wrapper<T>::feedbacks() const {
  std::vector<Index> all;
  for (const Child<T>& c : children_)
    for (const Index width : c.layer->feedbacks()) all.push_back(width);
  return all;
}

template <class T>
void Wrapper<T>::check(const CompiledTopology& topology) const {
  for (const Child<T>& c : children_) c.layer->check(topology);
}

template <class T>
std::vector<ParameterSpec> Wrapper<T>::parameters() const {
  std::vector<ParameterSpec> all;
  for (const Child<T>& c : children_)
    for (ParameterSpec spec : c.layer->parameters()) {
      spec.name = c.name + spec.name;
      all.push_back(std::move(spec));
    }
  return all;
}

template <class T>
std::vector<StateSpec> Wrapper<T>::state() const {
  std::vector<StateSpec> all;
  for (const Child<T>& c : children_)
    for (const StateSpec& spec : c.layer->state()) all.push_back({c.name + spec.name, spec.width});
  return all;
}

template <class T>
std::vector<Part<T>> Wrapper<T>::parts(bool gives_dx) const {
  std::vector<Part<T>> all;
  for (std::size_t i = 0; i < size(); ++i) {
    all.push_back({children_[i].name, children_[i].layer.get(), gives_dx});
    place(i, all.back());
  }
  return all;
}

template <class T>
Work Wrapper<T>::work(bool gives_dx) const {
  Work all;
  for (const Part<T>& part : parts(gives_dx)) all += paced(part.layer->work(part.gives_dx), part.pace);
  return all;
}

template <class T>
std::unique_ptr<Weights<T>> Wrapper<T>::make_weights() const {
  auto weights = std::make_unique<WrapperWeights<T>>();
  for (const Child<T>& c : children_) weights->children.push_back(c.layer->make_weights());
  return weights;
}

template <class T>
void Wrapper<T>::refresh(const T* params, Weights<T>& weights) const {
  for (std::size_t i = 0; i < size(); ++i) {
    Weights<T>& inner = *static_cast<WrapperWeights<T>&>(weights).children[i];
    inner.row = weights.row;
    child(i).refresh(params + parameter_offset_[i], inner);
  }
}

template <class T>
std::unique_ptr<Tape<T>> Wrapper<T>::make_tape() const {
  auto tape = std::make_unique<WrapperTape<T>>();
  for (const Child<T>& c : children_) tape->children.push_back(c.layer->make_tape());
  return tape;
}

template <class T>
void Wrapper<T>::initial_state(const T* params, T* to) const {
  for (std::size_t i = 0; i < size(); ++i) child(i).initial_state(params + parameter_offset_[i], to + state_offset_[i]);
}

template <class T>
void Wrapper<T>::load_state(Tape<T>& of, Index sequence, const T* from) const {
  for (std::size_t i = 0; i < size(); ++i) child(i).load_state(tape(of, i), sequence, from + state_offset_[i]);
}

template <class T>
void Wrapper<T>::save_state(const Tape<T>& of, Index level, Index sequence, T* to) const {
  for (std::size_t i = 0; i < size(); ++i)
    child(i).save_state(*static_cast<const WrapperTape<T>&>(of).children[i], level, sequence, to + state_offset_[i]);
}

template <class T>
void Wrapper<T>::save_cotangent(Tape<T>& of, Index level, Index sequence, Index seed, T* to) const {
  for (std::size_t i = 0; i < size(); ++i) child(i).save_cotangent(tape(of, i), level, sequence, seed, to + state_offset_[i]);
}

template <class T>
void Wrapper<T>::add_cotangent(Tape<T>& of, Index level, Index sequence, Index seed, const T* from) const {
  for (std::size_t i = 0; i < size(); ++i) child(i).add_cotangent(tape(of, i), level, sequence, seed, from + state_offset_[i]);
}

template <class T>
std::vector<StateSpec> Wrapper<T>::signals() const {
  std::vector<StateSpec> all;
  for (const Child<T>& c : children_)
    for (const StateSpec& spec : c.layer->signals()) all.push_back({c.name + spec.name, spec.width});
  return all;
}

template <class T>
void Wrapper<T>::save_signals(const Tape<T>& of, Index level, Index sequence, T* to) const {
  for (std::size_t i = 0; i < size(); ++i) {
    child(i).save_signals(*static_cast<const WrapperTape<T>&>(of).children[i], level, sequence, to);
    for (const StateSpec& spec : child(i).signals()) to += spec.width;
  }
}

template <class T>
void Wrapper<T>::carry(Tape<T>& of, Index level) const {
  for (std::size_t i = 0; i < size(); ++i) child(i).carry(tape(of, i), level);
}

template <class T>
void Wrapper<T>::observe(Tape<T>& of, Index sequence, const T* seen) const {
  for (std::size_t i = 0; i < size(); ++i) child(i).observe(tape(of, i), sequence, seen);
}

template <class T>
void Wrapper<T>::clear_cotangents(Tape<T>& of) const {
  clear_plain(of);
  for (std::size_t i = 0; i < size(); ++i) child(i).clear_cotangents(tape(of, i));
}

template <class T>
void Wrapper<T>::gradient(Tape<T>& of, Levels levels, GradientTarget<T> target) const {
  for (std::size_t i = 0; i < size(); ++i)
    child(i).gradient(tape(of, i), levels, {target.data + parameter_offset_[i], target.stride});
}

template <class T>
void Wrapper<T>::initial_gradient(Tape<T>& of, GradientTarget<T> target) const {
  for (std::size_t i = 0; i < size(); ++i)
    child(i).initial_gradient(tape(of, i), {target.data + parameter_offset_[i], target.stride});
}

template <class T>
void Wrapper<T>::reserve_child(Tape<T>& of, std::size_t i, const T* x, Index x_stride, bool backward) const {
  Tape<T>& inner = tape(of, i);
  inner.in = of.in;
  inner.out = of.out;
  inner.seeds = of.seeds;
  inner.goes_back_once = of.goes_back_once;
  inner.memory = of.memory;
  inner.topology = of.topology;
  inner.x = x;
  inner.x_stride = x_stride;
  child(i).reserve(inner, backward);
}

template <class T>
void Wrapper<T>::link(Tape<T>& of, std::size_t i, const T* x, Index x_stride, T* dx, Index dx_stride) {
  Tape<T>& inner = tape(of, i);
  inner.x = x;
  inner.x_stride = x_stride;
  inner.dx = dx;
  inner.dx_stride = dx_stride;
  inner.noise = of.noise;
  inner.teacher = of.teacher;
}

template struct WrapperWeights<float>;
template struct WrapperWeights<double>;
template struct WrapperTape<float>;
template struct WrapperTape<double>;
template class Wrapper<float>;
template class Wrapper<double>;

}  // namespace recurra
