#include "graph_net.h"

#include <stdexcept>

#include "aligned_vector.h"

namespace recurra {

namespace {

template <class T>
struct GraphNetTape : WrapperTape<T> {
  Schedule rounds;
  AlignedVector<T> heard, dheard;  // [rounds][nodes]: the cell's inputs, and their cotangents
  std::size_t bytes() const override { return WrapperTape<T>::bytes() + bytes_of(heard, dheard); }
};

template <class T>
GraphNetTape<T>& cast(Tape<T>& tape) {
  return static_cast<GraphNetTape<T>&>(tape);
}

// The states before the first round lie in front of those after it.
template <class T>
T* first_states(const Tape<T>& cell) {
  return cell.y - cell.in->num_roots() * cell.y_stride;
}
template <class T>
T* first_cotangents(const Tape<T>& cell) {
  return cell.dy ? cell.dy - cell.in->num_roots() * cell.dy_stride : nullptr;
}

}  // namespace

template <class T>
std::unique_ptr<Tape<T>> GraphNet<T>::make_tape() const {
  auto tape = std::make_unique<GraphNetTape<T>>();
  for (std::size_t i = 0; i < this->size(); ++i) tape->children.push_back(this->child(i).make_tape());
  return tape;
}

template <class T>
void GraphNet<T>::reserve(Tape<T>& of, bool backward) const {
  auto& tape = cast(of);
  if (!of.topology) throw std::logic_error("GraphNet: expected graphs");
  const Index nodes = of.in->num_nodes(), width = this->child(0).input_size();
  tape.rounds = Schedule::sequences(nodes, rounds_);
  tape.heard.resize(std::size_t(rounds_ * nodes * width));
  tape.dheard.resize(backward ? tape.heard.size() : 0);
  Tape<T>&cell = this->tape(of, 0), &messages = this->tape(of, 1);
  cell.in = cell.out = messages.in = messages.out = &tape.rounds;
  messages.topology = of.topology;
  cell.goes_back_once = of.goes_back_once;
  cell.x = tape.heard.data();
  cell.x_stride = width;
  this->child(0).reserve(cell, backward);
  messages.x = first_states(cell);
  messages.x_stride = cell.y_stride;
  this->child(1).reserve(messages, backward);
  const Index last = (rounds_ - 1) * nodes;
  of.y = cell.y + last * cell.y_stride;
  of.y_stride = cell.y_stride;
  of.dy = backward ? cell.dy + last * cell.dy_stride : nullptr;
  of.dy_stride = cell.dy_stride;
}

template <class T>
void GraphNet<T>::link_both(Tape<T>& of) const {
  auto& tape = cast(of);
  const Tape<T>& cell = this->tape(of, 0);
  const Index width = this->child(0).input_size();
  this->link(of, 0, tape.heard.data(), width, tape.dheard.empty() ? nullptr : tape.dheard.data(), width);
  this->link(of, 1, first_states(cell), cell.y_stride, first_cotangents(cell), cell.dy_stride);
  for (std::size_t i = 0; i < 2; ++i) this->tape(of, i).noise.sequence = of.noise.node;
}

template <class T>
void GraphNet<T>::forward(const Weights<T>& w, Tape<T>& of, Levels) const {
  auto& tape = cast(of);
  const Index nodes = of.in->num_nodes(), width = this->child(0).input_size();
  if (nodes == 0) return;
  link_both(of);
  Tape<T>&cell = this->tape(of, 0), &messages = this->tape(of, 1);
  for (Index v = 0; !joins_ && v < nodes; ++v) {
    T* state = first_states(cell) + v * cell.y_stride;
    std::copy_n(of.x + v * of.x_stride, features_, state);
    std::fill_n(state + features_, output_size() - features_, T(0));
  }
  for (Index round = 1; round <= rounds_; ++round) {
    this->child(1).forward(this->weights(w, 1), messages, {round, round + 1});
    for (Index v = 0; v < nodes; ++v) {
      T* to = tape.heard.data() + ((round - 1) * nodes + v) * width;
      to = std::copy_n(messages.y + ((round - 1) * nodes + v) * messages.y_stride, message_size(), to);
      if (joins_) std::copy_n(of.x + v * of.x_stride, features_, to);
    }
    this->child(0).forward(this->weights(w, 0), cell, {round, round + 1});
  }
}

template <class T>
void GraphNet<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const {
  throw std::logic_error("GraphNet: tangents are for sequences");
}

template <class T>
void GraphNet<T>::clear_cotangents(Tape<T>& of) const {
  for (std::size_t i = 0; i < this->size(); ++i) this->child(i).clear_cotangents(this->tape(of, i));
}

template <class T>
void GraphNet<T>::backward(const Weights<T>& w, Tape<T>& of, Levels) const {
  auto& tape = cast(of);
  const Index nodes = of.in->num_nodes(), width = this->child(0).input_size();
  if (nodes == 0) return;
  link_both(of);
  Tape<T>&cell = this->tape(of, 0), &messages = this->tape(of, 1);
  std::fill(tape.dheard.begin(), tape.dheard.end(), T(0));
  for (Index round = rounds_; round >= 1; --round) {
    this->child(0).backward(this->weights(w, 0), cell, {round, round + 1});
    for (Index v = 0; v < nodes; ++v) {
      const T* from = tape.dheard.data() + ((round - 1) * nodes + v) * width;
      T* to = messages.dy + ((round - 1) * nodes + v) * messages.dy_stride;
      for (Index j = 0; j < message_size(); ++j) to[j] += from[j];
      for (Index j = 0; joins_ && of.dx && j < features_; ++j) of.dx[v * of.dx_stride + j] += from[message_size() + j];
    }
    this->child(1).backward(this->weights(w, 1), messages, {round, round + 1});
  }
  for (Index v = 0; !joins_ && of.dx && v < nodes; ++v)
    for (Index j = 0; j < features_; ++j) of.dx[v * of.dx_stride + j] += first_cotangents(cell)[v * cell.dy_stride + j];
}

template <class T>
void GraphNet<T>::gradient(Tape<T>& of, Levels, GradientTarget<T> target) const {
  if (of.in->num_nodes() > 0) Wrapper<T>::gradient(of, all_rounds(), target);
}

template class GraphNet<float>;
template class GraphNet<double>;

}  // namespace recurra
