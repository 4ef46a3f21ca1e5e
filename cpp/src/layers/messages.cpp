#include "messages.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../math/hash.h"
#include "messages_tape.h"

namespace recurra {

namespace {

template <class T>
MessagesTape<T>& cast(Tape<T>& tape) {
  return static_cast<MessagesTape<T>&>(tape);
}
template <class T>
const MessagesTape<T>& cast(const Tape<T>& tape) {
  return static_cast<const MessagesTape<T>&>(tape);
}

// What tells an edge from others, whatever graphs it comes together with.
template <class T>
void number_edges(MessagesTape<T>& tape) {
  const Incoming& edges = tape.graphs->edges;
  tape.edge_number.clear();
  for (Index v = 0; v < edges.num_nodes(); ++v)
    for (Index e = edges.begin[std::size_t(v)]; e < edges.begin[std::size_t(v) + 1]; ++e)
      tape.edge_number.push_back(
          Index(mix(std::uint64_t(tape.noise.sequence[v]), std::uint64_t(e - edges.begin[std::size_t(v)])) >> 1));
}

}  // namespace

// The factors, before the first round.
template <class T>
void Messages<T>::read_edges(const Weights<T>& w, Tape<T>& of) const {
  auto& tape = cast(of);
  const Index edges = tape.num_edges(), terms = options_.terms;
  if (of.noise.training) number_edges(tape);
  if (reads_edges()) {
    this->link(of, this->edges(), tape.features.data(), options_.edge_size, nullptr, 0);
    this->tape(of, this->edges()).noise.sequence = tape.edge_number.data();
    this->child(this->edges()).forward(this->weights(w, this->edges()), this->tape(of, this->edges()), {1, 2});
  }
  const Tape<T>* net = options_.edge_net && reads_edges() ? &this->tape(of, this->edges()) : nullptr;
  const T* given_by = net ? net->y : tape.features.data();
  const Index stride = net ? net->y_stride : options_.edge_size;
  for (Index e = 0; e < edges; ++e)
    for (Index k = 0; k < terms; ++k) {
      const T given = options_.edge_net && k + 1 < terms ? given_by[e * stride + k] : T(1);
      tape.factor[std::size_t(e * terms + k)] = tape.weight[std::size_t(e)] * given;
    }
  tape.scaled = tape.factor;
}

// The edges of a round as the gathers see them.
template <class T>
EdgeTerms<T> Messages<T>::terms(const Tape<T>& of) const {
  const auto& tape = cast(of);
  const Incoming& edges = tape.graphs->edges;
  EdgeTerms<T> terms{tape.num_nodes(),  edges.begin.data(),    options_.pairs ? nullptr : edges.source.data(),
                     options_.terms,    options_.message_size, nullptr,
                     tape.scaled.data()};
  if (options_.types > 0) terms.block = tape.graphs->types.data();
  return terms;
}

template <class T>
void Messages<T>::forward_level(const Weights<T>& w, Tape<T>& of, Index level) const {
  auto& tape = cast(of);
  const Index nodes = tape.num_nodes(), first = (level - 1) * nodes;
  Tape<T>& projected = this->tape(of, 0);
  this->child(0).forward(this->weights(w, projection(level)), projected, {level, level + 1});
  if (options_.attention) attend(w, of, level);
  Rows<const T> from{projected.y + first * projected.y_stride, projected.y_stride};
  if (options_.pairs) {
    join_pairs(w, of, level);
    const Tape<T>& net = this->tape(of, this->net());
    from = {net.y + (level - 1) * tape.num_edges() * net.y_stride, net.y_stride};
  }
  T* y = of.y + first * of.y_stride;
  std::fill_n(y, nodes * of.y_stride, T(0));
  if (options_.aggregation == Aggregation::max)
    kernels_.gathers.max(terms(of), from.data, from.stride, y, of.y_stride, tape.winner.data() + first * options_.message_size);
  else
    kernels_.gathers.sum(terms(of), from.data, from.stride, y, of.y_stride);
}

template <class T>
void Messages<T>::forward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  auto& tape = cast(of);
  if (tape.num_edges() == 0) {
    const Index first = of.in->first_node(levels.begin), count = of.in->first_node(levels.end) - first;
    std::fill_n(of.y + first * of.y_stride, count * of.y_stride, T(0));
    return;
  }
  this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
  if (levels.begin == 1) {
    read_edges(w, of);
    if (options_.pairs) link_pairs(of);
  }
  for (Index level = levels.begin; level < levels.end; ++level) forward_level(w, of, level);
}

template <class T>
void Messages<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const {
  throw std::logic_error("Messages: tangents are for sequences");
}

template <class T>
void Messages<T>::backward_level(const Weights<T>& w, Tape<T>& of, Index level) const {
  auto& tape = cast(of);
  const Index nodes = tape.num_nodes(), edges = tape.num_edges(), first = (level - 1) * nodes;
  Tape<T>& projected = this->tape(of, 0);
  if (options_.attention) share_out(of, level);
  Rows<const T> from{projected.y + first * projected.y_stride, projected.y_stride};
  Rows<T> back{projected.dy + first * projected.dy_stride, projected.dy_stride};
  if (options_.pairs) {
    Tape<T>& net = this->tape(of, this->net());
    from = {net.y + (level - 1) * edges * net.y_stride, net.y_stride};
    back = {net.dy + (level - 1) * edges * net.dy_stride, net.dy_stride};
  }
  const T* dy = of.dy + first * of.dy_stride;
  std::fill(tape.dots.begin(), tape.dots.end(), T(0));
  if (options_.aggregation == Aggregation::max) {
    kernels_.gathers.max_back(terms(of), from.data, from.stride, dy, of.dy_stride,
                              tape.winner.data() + first * options_.message_size, back.data, back.stride,
                              tape.dots.empty() ? nullptr : tape.dots.data());
  } else {
    if (!tape.dots.empty()) kernels_.gathers.dots(terms(of), from.data, from.stride, dy, of.dy_stride, tape.dots.data());
    kernels_.gathers.sum_back(terms(of), dy, of.dy_stride, back.data, back.stride);
  }
  for (Index e = 0; !tape.dfactor.empty() && e < edges; ++e) {
    const T share = options_.attention ? tape.share[std::size_t((level - 1) * edges + e)] : T(1);
    for (Index i = e * options_.terms; i < (e + 1) * options_.terms; ++i)
      tape.dfactor[std::size_t(i)] += share * tape.dots[std::size_t(i)];
  }
  if (options_.attention) attend_back(w, of, level);
  if (options_.pairs) join_pairs_back(w, of, level);
  this->child(0).backward(this->weights(w, projection(level)), projected, {level, level + 1});
}

template <class T>
void Messages<T>::backward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  auto& tape = cast(of);
  if (tape.num_edges() == 0) return;
  this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
  if (levels.end == of.in->num_levels() + 1) std::fill(tape.dfactor.begin(), tape.dfactor.end(), T(0));
  for (Index level = levels.end - 1; level >= levels.begin; --level) backward_level(w, of, level);
  if (levels.begin > 1 || !reads_edges()) return;
  Tape<T>& part = this->tape(of, this->edges());
  for (Index e = 0; options_.edge_net && e < tape.num_edges(); ++e)
    for (Index k = 0; k + 1 < options_.terms; ++k)
      part.dy[e * part.dy_stride + k] += tape.weight[std::size_t(e)] * tape.dfactor[std::size_t(e * options_.terms + k)];
  this->child(this->edges()).backward(this->weights(w, this->edges()), part, {1, 2});
}

template <class T>
void Messages<T>::gradient(Tape<T>& of, Levels levels, GradientTarget<T> target) const {
  const auto& tape = cast(of);
  if (tape.num_edges() == 0) return;
  const auto add = [&](std::size_t tape_of, std::size_t i, Levels part) {
    this->child(tape_of).gradient(this->tape(of, tape_of), part, {target.data + this->parameter_offset(i), 0});
  };
  if (options_.shared) add(0, 0, levels);
  for (Index level = levels.begin; !options_.shared && level < levels.end; ++level) add(0, projection(level), {level, level + 1});
  if (reads_edges()) add(this->edges(), this->edges(), {1, 2});
  if (options_.pairs) add(net(), net(), levels);
  if (!options_.attention) return;
  add(attention(), attention(), levels);
  if (options_.edge_size > 0) add(attention() + 1, attention() + 1, {1, 2});
}

template class Messages<float>;
template class Messages<double>;

}  // namespace recurra
