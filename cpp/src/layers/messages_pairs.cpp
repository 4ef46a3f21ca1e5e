// Messages g(W_v h_v + W_u h_u + W_e e + b): an edge joins two rows of the nodes' products and its own, and g has edges as rows.
#include <algorithm>

#include "messages_tape.h"

namespace recurra {

namespace {

// An edge reads its target's W_v h and its source's W_u h.
template <class T>
void lay_out_ends(MessagesTape<T>& tape) {
  const Incoming& edges = tape.graphs->edges;
  tape.end_begin.assign(1, 0);
  tape.end_row.clear();
  tape.end_block.clear();
  for (Index v = 0; v < edges.num_nodes(); ++v)
    for (Index e = edges.begin[std::size_t(v)]; e < edges.begin[std::size_t(v) + 1]; ++e) {
      tape.end_row.insert(tape.end_row.end(), {v, edges.source[std::size_t(e)]});
      tape.end_block.insert(tape.end_block.end(), {0, 1});
      tape.end_begin.push_back(Index(tape.end_row.size()));
    }
}

}  // namespace

template <class T>
void Messages<T>::reserve_pairs(Tape<T>& of, bool backward) const {
  auto& tape = static_cast<MessagesTape<T>&>(of);
  lay_out_ends(tape);
  const Index size = options_.rounds * tape.num_edges() * options_.hidden;
  tape.joined.resize(std::size_t(size));
  tape.djoined.resize(backward ? std::size_t(size) : 0);
  tape.edge_rounds = Schedule::sequences(tape.num_edges(), options_.rounds);
  reserve_over_edges(of, net(), tape.edge_rounds, {tape.joined.data(), options_.hidden}, backward);
}

template <class T>
void Messages<T>::link_pairs(Tape<T>& of) const {
  auto& tape = static_cast<MessagesTape<T>&>(of);
  T* const djoined = tape.djoined.empty() ? nullptr : tape.djoined.data();
  this->link(of, net(), tape.joined.data(), options_.hidden, djoined, options_.hidden);
  this->tape(of, net()).noise.sequence = tape.edge_number.data();
}

template <class T>
EdgeTerms<T> Messages<T>::ends(const Tape<T>& of) const {
  const auto& tape = static_cast<const MessagesTape<T>&>(of);
  return {tape.num_edges(), tape.end_begin.data(), tape.end_row.data(), 1, options_.hidden, tape.end_block.data(), nullptr};
}

template <class T>
void Messages<T>::join_pairs(const Weights<T>& w, Tape<T>& of, Index level) const {
  auto& tape = static_cast<MessagesTape<T>&>(of);
  const Index edges = tape.num_edges(), hidden = options_.hidden;
  const Tape<T>& nodes = this->tape(of, 0);
  T* joined = tape.joined.data() + (level - 1) * edges * hidden;
  std::fill_n(joined, edges * hidden, T(0));
  if (reads_edges()) {
    const Tape<T>& own = this->tape(of, this->edges());
    for (Index e = 0; e < edges; ++e) std::copy_n(own.y + e * own.y_stride, hidden, joined + e * hidden);
  }
  const Index first = (level - 1) * tape.num_nodes();
  kernels_.gathers.sum(ends(of), nodes.y + first * nodes.y_stride, nodes.y_stride, joined, hidden);
  this->child(net()).forward(this->weights(w, net()), this->tape(of, net()), {level, level + 1});
}

template <class T>
void Messages<T>::join_pairs_back(const Weights<T>& w, Tape<T>& of, Index level) const {
  auto& tape = static_cast<MessagesTape<T>&>(of);
  const Index edges = tape.num_edges(), hidden = options_.hidden, first = (level - 1) * tape.num_nodes();
  const Tape<T>& nodes = this->tape(of, 0);
  T* djoined = tape.djoined.data() + (level - 1) * edges * hidden;
  std::fill_n(djoined, edges * hidden, T(0));
  this->child(net()).backward(this->weights(w, net()), this->tape(of, net()), {level, level + 1});
  kernels_.gathers.sum_back(ends(of), djoined, hidden, nodes.dy + first * nodes.dy_stride, nodes.dy_stride);
  if (!reads_edges()) return;
  const Tape<T>& own = this->tape(of, this->edges());
  for (Index e = 0; e < edges; ++e)
    for (Index j = 0; j < hidden; ++j) own.dy[e * own.dy_stride + j] += djoined[e * hidden + j];
}

#define RECURRA_INSTANTIATE(T)                                                     \
  template void Messages<T>::reserve_pairs(Tape<T>&, bool) const;                  \
  template void Messages<T>::link_pairs(Tape<T>&) const;                           \
  template void Messages<T>::join_pairs(const Weights<T>&, Tape<T>&, Index) const; \
  template void Messages<T>::join_pairs_back(const Weights<T>&, Tape<T>&, Index) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
