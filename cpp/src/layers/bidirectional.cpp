#include "bidirectional.h"

#include <stdexcept>

#include "node_map.h"

namespace recurra {

namespace {

template <class T>
struct BidirectionalTape : WrapperTape<T> {
  std::vector<T> reversed, dreversed;  // [nodes][input size]: x in the order of the reverse layer
  NodeMap mirror;                      // [nodes]: where a node stands in the other direction
  std::size_t bytes() const override { return WrapperTape<T>::bytes() + bytes_of(reversed, dreversed, mirror); }
};

void mirror_nodes(const Schedule& schedule, NodeMap& mirror) {
  if (!schedule.is_chain()) throw std::invalid_argument("Bidirectional: the nodes form a graph, expected sequences");
  mirror.resize(std::size_t(schedule.num_nodes()));
  for (Index i = 0; i < schedule.num_roots(); ++i)
    for (Index level = 1, length = schedule.length(i); level <= length; ++level)
      mirror[std::size_t(schedule.first_node(level) + i)] = schedule.first_node(length + 1 - level) + i;
}

}  // namespace

template <class T>
std::unique_ptr<Tape<T>> Bidirectional<T>::make_tape() const {
  auto tape = std::make_unique<BidirectionalTape<T>>();
  for (std::size_t i = 0; i < this->size(); ++i) tape->children.push_back(this->child(i).make_tape());
  return tape;
}

template <class T>
void Bidirectional<T>::reserve(Tape<T>& of, bool backward) const {
  auto& tape = static_cast<BidirectionalTape<T>&>(of);
  mirror_nodes(*of.in, tape.mirror);
  const std::size_t size = tape.mirror.size() * std::size_t(input_size());
  tape.reversed.resize(size);
  tape.dreversed.resize(backward ? size * std::size_t(of.seeds) : 0);
  reserve_plain(tape, output_size(), backward);
  this->reserve_child(of, 0, of.x, of.x_stride, backward);
  this->reserve_child(of, 1, tape.reversed.data(), input_size(), backward);
}

template <class T>
void Bidirectional<T>::link_both(Tape<T>& of) const {
  auto& tape = static_cast<BidirectionalTape<T>&>(of);
  this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
  this->link(of, 1, tape.reversed.data(), input_size(), of.dx ? tape.dreversed.data() : nullptr, input_size());
}

template <class T>
void Bidirectional<T>::forward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  auto& tape = static_cast<BidirectionalTape<T>&>(of);
  link_both(of);
  for_each_row(tape.mirror, 1, [&](Index row, Index mirrored) {
    std::copy_n(of.x + row * of.x_stride, input_size(), tape.reversed.data() + mirrored * input_size());
  });
  for (std::size_t i = 0; i < 2; ++i) this->child(i).forward(this->weights(w, i), this->tape(of, i), levels);
  const Tape<T>&ahead = this->tape(of, 0), &back = this->tape(of, 1);
  const Index width = this->child(0).output_size();
  for_each_row(tape.mirror, 1, [&](Index row, Index mirrored) {
    std::copy_n(ahead.y + row * ahead.y_stride, width, of.y + row * of.y_stride);
    std::copy_n(back.y + mirrored * back.y_stride, output_size() - width, of.y + row * of.y_stride + width);
  });
}

template <class T>
void Bidirectional<T>::tangent(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  auto& tape = static_cast<BidirectionalTape<T>&>(of);
  link_both(of);
  for_each_row(tape.mirror, of.dx ? of.seeds : 0, [&](Index row, Index mirrored) {
    std::copy_n(of.dx + row * of.dx_stride, input_size(), tape.dreversed.data() + mirrored * input_size());
  });
  for (std::size_t i = 0; i < 2; ++i) this->child(i).tangent(this->weights(w, i), this->tape(of, i), levels);
  const Tape<T>&ahead = this->tape(of, 0), &back = this->tape(of, 1);
  const Index width = this->child(0).output_size();
  for_each_row(tape.mirror, of.seeds, [&](Index row, Index mirrored) {
    std::copy_n(ahead.dy + row * ahead.dy_stride, width, of.dy + row * of.dy_stride);
    std::copy_n(back.dy + mirrored * back.dy_stride, output_size() - width, of.dy + row * of.dy_stride + width);
  });
}

template <class T>
void Bidirectional<T>::backward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  auto& tape = static_cast<BidirectionalTape<T>&>(of);
  link_both(of);
  std::fill(tape.dreversed.begin(), tape.dreversed.end(), T(0));
  const Tape<T>&ahead = this->tape(of, 0), &back = this->tape(of, 1);
  const Index width = this->child(0).output_size();
  for_each_row(tape.mirror, of.seeds, [&](Index row, Index mirrored) {
    const T* dy = of.dy + row * of.dy_stride;
    for (Index j = 0; j < width; ++j) ahead.dy[row * ahead.dy_stride + j] += dy[j];
    for (Index j = width; j < output_size(); ++j) back.dy[mirrored * back.dy_stride + j - width] += dy[j];
  });
  for (std::size_t i = 0; i < 2; ++i) this->child(i).backward(this->weights(w, i), this->tape(of, i), levels);
  for_each_row(tape.mirror, of.dx ? of.seeds : 0, [&](Index row, Index mirrored) {
    for (Index j = 0; j < input_size(); ++j)
      of.dx[row * of.dx_stride + j] += tape.dreversed[std::size_t(mirrored * input_size() + j)];
  });
}

template class Bidirectional<float>;
template class Bidirectional<double>;

}  // namespace recurra
