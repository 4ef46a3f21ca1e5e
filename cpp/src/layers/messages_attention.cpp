// How much a node attends to each of its edges: a softmax over them of leaky_relu(p . h_v + q . h_u + r . e).
// P. Velickovic et al., Graph attention networks, ICLR 2018, with one head.
#include <algorithm>
#include <cmath>

#include "messages_tape.h"

namespace recurra {

namespace {

constexpr double slope_below_zero = 0.2;

template <class T>
MessagesTape<T>& cast(Tape<T>& tape) {
  return static_cast<MessagesTape<T>&>(tape);
}

}  // namespace

template <class T>
void Messages<T>::reserve_attention(Tape<T>& of, bool backward) const {
  auto& tape = cast(of);
  const std::size_t count = std::size_t(options_.rounds * tape.num_edges());
  tape.share.resize(count);
  tape.score.resize(count);
  this->reserve_child(of, attention(), of.x, of.x_stride, backward);
  if (options_.edge_size == 0) return;
  reserve_over_edges(of, attention() + 1, tape.edge_rows, {tape.features.data(), options_.edge_size}, backward);
}

template <class T>
void Messages<T>::share_out(Tape<T>& of, Index level) const {
  auto& tape = cast(of);
  const Index count = tape.num_edges(), terms = options_.terms;
  const T* share = tape.share.data() + (level - 1) * count;
  for (Index e = 0; e < count; ++e)
    for (Index i = e * terms; i < (e + 1) * terms; ++i) tape.scaled[std::size_t(i)] = share[e] * tape.factor[std::size_t(i)];
}

template <class T>
void Messages<T>::attend(const Weights<T>& w, Tape<T>& of, Index level) const {
  auto& tape = cast(of);
  const Incoming& edges = tape.graphs->edges;
  const Index nodes = tape.num_nodes(), count = tape.num_edges();
  this->link(of, attention(), of.x, of.x_stride, of.dx, of.dx_stride);
  Tape<T>& states = this->tape(of, attention());
  this->child(attention()).forward(this->weights(w, attention()), states, {level, level + 1});
  if (options_.edge_size > 0 && level == 1) {
    this->link(of, attention() + 1, tape.features.data(), options_.edge_size, nullptr, 0);
    this->child(attention() + 1).forward(this->weights(w, attention() + 1), this->tape(of, attention() + 1), {1, 2});
  }
  const T* own = states.y + (level - 1) * nodes * states.y_stride;  // p . h, q . h
  T *score = tape.score.data() + (level - 1) * count, *share = tape.share.data() + (level - 1) * count;
  for (Index v = 0; v < nodes; ++v) {
    const Index begin = edges.begin[std::size_t(v)], end = edges.begin[std::size_t(v) + 1];
    T most = 0, sum = 0;
    for (Index e = begin; e < end; ++e) {
      T value = own[v * states.y_stride] + own[edges.source[std::size_t(e)] * states.y_stride + 1];
      if (options_.edge_size > 0) value += this->tape(of, attention() + 1).y[e];
      score[e] = value;
      share[e] = value > T(0) ? value : T(slope_below_zero) * value;
      most = e == begin ? share[e] : std::max(most, share[e]);
    }
    for (Index e = begin; e < end; ++e) sum += share[e] = std::exp(share[e] - most);
    for (Index e = begin; e < end; ++e) share[e] /= sum;
  }
  share_out(of, level);
}

// From the cotangents of the scaled factors.
template <class T>
void Messages<T>::attend_back(const Weights<T>& w, Tape<T>& of, Index level) const {
  auto& tape = cast(of);
  const Incoming& edges = tape.graphs->edges;
  const Index nodes = tape.num_nodes(), count = tape.num_edges(), terms = options_.terms;
  Tape<T>& states = this->tape(of, attention());
  T* down = states.dy + (level - 1) * nodes * states.dy_stride;
  const T *score = tape.score.data() + (level - 1) * count, *share = tape.share.data() + (level - 1) * count;
  const auto dshare = [&](Index e) {
    T sum = 0;
    for (Index i = e * terms; i < (e + 1) * terms; ++i) sum += tape.factor[std::size_t(i)] * tape.dots[std::size_t(i)];
    return sum;
  };
  for (Index v = 0; v < nodes; ++v) {
    const Index begin = edges.begin[std::size_t(v)], end = edges.begin[std::size_t(v) + 1];
    T mean = 0;
    for (Index e = begin; e < end; ++e) mean += share[e] * dshare(e);
    for (Index e = begin; e < end; ++e) {
      const T d = share[e] * (dshare(e) - mean) * (score[e] > T(0) ? T(1) : T(slope_below_zero));
      down[v * states.dy_stride] += d;
      down[edges.source[std::size_t(e)] * states.dy_stride + 1] += d;
      if (options_.edge_size > 0) this->tape(of, attention() + 1).dy[e] += d;
    }
  }
  this->child(attention()).backward(this->weights(w, attention()), states, {level, level + 1});
}

#define RECURRA_INSTANTIATE(T)                                                 \
  template void Messages<T>::reserve_attention(Tape<T>&, bool) const;          \
  template void Messages<T>::share_out(Tape<T>&, Index) const;                 \
  template void Messages<T>::attend(const Weights<T>&, Tape<T>&, Index) const; \
  template void Messages<T>::attend_back(const Weights<T>&, Tape<T>&, Index) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
