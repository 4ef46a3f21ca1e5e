#include "external_memory.h"

#include <stdexcept>

namespace recurra {

namespace {

template <class T>
struct ExternalMemoryTape : WrapperTape<T> {
  std::vector<T> state, dstate;  // [rows][state], and [rows * seeds][state]
  std::vector<T> inner;          // [nodes]: what stands between the operations of a step,
  std::vector<T> dinner;         // and its cotangents, of the step at work
  std::size_t bytes() const override { return WrapperTape<T>::bytes() + bytes_of(state, dstate, inner, dinner); }
};

template <class T>
ExternalMemoryTape<T>& of(Tape<T>& tape) {
  return static_cast<ExternalMemoryTape<T>&>(tape);
}

// Calls visit(sequence, seed, row of y or dy) for the steps of a level.
template <class Visit>
void for_each_step(const Schedule& schedule, Index level, Index seeds, const Visit& visit) {
  for (Index i = 0; i < schedule.size(level); ++i)
    for (Index seed = 0; seed < seeds; ++seed) visit(i, seed, (schedule.first_node(level) + i) * seeds + seed);
}

}  // namespace

template <class T>
std::vector<StateSpec> ExternalMemory<T>::signals() const {
  std::vector<StateSpec> all;
  for (const NamedSlot& named : step_.signals) all.push_back({named.name, named.slot.size});
  return all;
}

template <class T>
Work ExternalMemory<T>::work(bool gives_dx) const {
  Work all = this->child(0).work(gives_dx);
  double own = 0;
  for (const auto& operation : step_.operations) own += operation->multiply_adds();
  all.forward[Per::step] += own;
  all.training[Per::step] += 3 * own;  // back to each of two operands
  return all;
}

template <class T>
std::unique_ptr<Tape<T>> ExternalMemory<T>::make_tape() const {
  auto tape = std::make_unique<ExternalMemoryTape<T>>();
  tape->children.push_back(this->child(0).make_tape());
  return tape;
}

template <class T>
void ExternalMemory<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = of(base);
  if (!tape.in->is_chain()) throw std::invalid_argument("ExternalMemory: the nodes form a graph, expected sequences");
  reserve_plain(tape, output_size(), backward);
  tape.state.resize(std::size_t(tape.in->num_rows() * state_size()));
  tape.inner.resize(std::size_t(tape.in->num_nodes() * step_.inner));
  if (backward) {
    tape.dstate.resize(tape.state.size() * std::size_t(tape.seeds));
    tape.dinner.resize(std::size_t(step_.inner));
  }
  this->reserve_child(base, 0, tape.x, tape.x_stride, backward);
}

template <class T>
void ExternalMemory<T>::initial_state(const T*, T* to) const {
  for (const StateStart<T>& block : step_.start) {
    std::fill_n(to, block.size, block.value);
    for (Index j = 0; block.period > 0 && j < block.size; j += block.period) to[j] = T(1);
    to += block.size;
  }
}

template <class T>
void ExternalMemory<T>::load_state(Tape<T>& base, Index sequence, const T* from) const {
  std::copy_n(from, state_size(), of(base).state.begin() + sequence * state_size());
}

template <class T>
void ExternalMemory<T>::save_state(const Tape<T>& base, Index level, Index sequence, T* to) const {
  const auto& tape = static_cast<const ExternalMemoryTape<T>&>(base);
  std::copy_n(tape.state.begin() + (tape.in->row(level) + sequence) * state_size(), state_size(), to);
}

template <class T>
void ExternalMemory<T>::save_cotangent(Tape<T>& base, Index level, Index sequence, Index seed, T* to) const {
  const Index row = (base.in->row(level) + sequence) * base.seeds + seed;
  std::copy_n(of(base).dstate.begin() + row * state_size(), state_size(), to);
}

template <class T>
void ExternalMemory<T>::add_cotangent(Tape<T>& base, Index level, Index sequence, Index seed, const T* from) const {
  T* to = of(base).dstate.data() + ((base.in->row(level) + sequence) * base.seeds + seed) * state_size();
  for (Index j = 0; j < state_size(); ++j) to[j] += from[j];
}

template <class T>
void ExternalMemory<T>::save_signals(const Tape<T>& base, Index level, Index sequence, T* to) const {
  const Regions<T> value = values(const_cast<Tape<T>&>(base), level, sequence);  // which are only read
  for (const NamedSlot& named : step_.signals) to = std::copy_n(value[named.slot], named.slot.size, to);
}

template <class T>
void ExternalMemory<T>::carry(Tape<T>& base, Index level) const {
  auto& state = of(base).state;
  std::copy_n(state.begin() + base.in->row(level) * state_size(), base.in->num_roots() * state_size(), state.begin());
}

template <class T>
Regions<T> ExternalMemory<T>::values(Tape<T>& base, Index level, Index sequence) const {
  auto& tape = of(base);
  const Tape<T>& interface = this->tape(base, 0);
  const Index node = tape.in->first_node(level) + sequence;
  return {tape.state.data() + tape.in->parent_of(level, sequence) * state_size(),
          tape.state.data() + (tape.in->row(level) + sequence) * state_size(), interface.y + node * interface.y_stride,
          tape.inner.data() + node * step_.inner, tape.y + node * tape.y_stride + input_size()};
}

template <class T>
Regions<T> ExternalMemory<T>::cotangents(Tape<T>& base, Index level, Index sequence, Index seed) const {
  auto& tape = of(base);
  const Tape<T>& interface = this->tape(base, 0);
  const Index node = (tape.in->first_node(level) + sequence) * tape.seeds + seed;
  return {tape.dstate.data() + (tape.in->parent_of(level, sequence) * tape.seeds + seed) * state_size(),
          tape.dstate.data() + ((tape.in->row(level) + sequence) * tape.seeds + seed) * state_size(),
          interface.dy + node * interface.dy_stride, tape.dinner.data(), tape.dy + node * tape.dy_stride + input_size()};
}

template <class T>
void ExternalMemory<T>::forward(const Weights<T>& w, Tape<T>& base, Levels levels) const {
  this->link(base, 0, base.x, base.x_stride, base.dx, base.dx_stride);
  this->child(0).forward(this->weights(w, 0), this->tape(base, 0), levels);
  for (Index level = levels.begin; level < levels.end; ++level)
    for_each_step(*base.in, level, 1, [&](Index sequence, Index, Index node) {
      std::copy_n(base.x + node * base.x_stride, input_size(), base.y + node * base.y_stride);
      const Regions<T> value = values(base, level, sequence);
      for (const auto& operation : step_.operations) operation->forward(value);
    });
}

template <class T>
void ExternalMemory<T>::tangent(const Weights<T>& w, Tape<T>& base, Levels levels) const {
  this->link(base, 0, base.x, base.x_stride, base.dx, base.dx_stride);
  this->child(0).tangent(this->weights(w, 0), this->tape(base, 0), levels);
  for (Index level = levels.begin; level < levels.end; ++level)
    for_each_step(*base.in, level, base.seeds, [&](Index sequence, Index seed, Index row) {
      T* dy = base.dy + row * base.dy_stride;
      if (base.dx)
        std::copy_n(base.dx + row * base.dx_stride, input_size(), dy);
      else
        std::fill_n(dy, input_size(), T(0));
      const Regions<T> value = values(base, level, sequence), tangent = cotangents(base, level, sequence, seed);
      for (const auto& operation : step_.operations) operation->tangent(value, tangent);
    });
}

template <class T>
void ExternalMemory<T>::clear_cotangents(Tape<T>& base) const {
  auto& dstate = of(base).dstate;
  std::fill(dstate.begin(), dstate.end(), T(0));
  Wrapper<T>::clear_cotangents(base);
}

template <class T>
void ExternalMemory<T>::backward(const Weights<T>& w, Tape<T>& base, Levels levels) const {
  this->link(base, 0, base.x, base.x_stride, base.dx, base.dx_stride);
  auto& dinner = of(base).dinner;
  for (Index level = levels.end - 1; level >= levels.begin; --level)
    for_each_step(*base.in, level, base.seeds, [&](Index sequence, Index seed, Index row) {
      const T* dy = base.dy + row * base.dy_stride;
      for (Index j = 0; base.dx && j < input_size(); ++j) base.dx[row * base.dx_stride + j] += dy[j];
      std::fill(dinner.begin(), dinner.end(), T(0));
      const Regions<T> value = values(base, level, sequence), cotangent = cotangents(base, level, sequence, seed);
      for (auto operation = step_.operations.rbegin(); operation != step_.operations.rend(); ++operation)
        (*operation)->backward(value, cotangent);
    });
  this->child(0).backward(this->weights(w, 0), this->tape(base, 0), levels);
}

template class ExternalMemory<float>;
template class ExternalMemory<double>;

}  // namespace recurra
