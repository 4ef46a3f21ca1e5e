// The adaptive softmax as a linear map at a point: forwards, backwards, and its parameters' gradient.
#include <algorithm>
#include <cmath>

#include "adaptive_softmax.h"
#include "adaptive_softmax_tape.h"

namespace recurra {

namespace {

template <class T>
T sum_of(const T* values, Index count) {
  T sum = 0;
  for (Index j = 0; j < count; ++j) sum += values[j];
  return sum;
}

}  // namespace

// Of z = log softmax(s), p = exp(z): ds = dz - p sum(dz). What the classes of a cluster get, it gets in the head.
template <class T>
void AdaptiveSoftmax<T>::to_scores(const T* y, const T* clusters, const T* dy, T* dscores) const {
  T total = sum_of(dy, shortlist_);
  for (Index k = 0; k < num_clusters(); ++k) {
    const Cluster& c = clusters_[std::size_t(k)];
    const T sum = sum_of(dy + c.begin, c.size());
    for (Index j = c.begin; j < c.end; ++j) dscores[j + num_clusters()] = dy[j] - std::exp(y[j] - clusters[k]) * sum;
    dscores[shortlist_ + k] = sum;
    total += sum;
  }
  for (Index j = 0; j < shortlist_; ++j) dscores[j] = dy[j] - std::exp(y[j]) * total;
  for (Index k = 0; k < num_clusters(); ++k) dscores[shortlist_ + k] -= std::exp(clusters[k]) * total;
}

// dz = ds - sum(p ds)
template <class T>
void AdaptiveSoftmax<T>::from_scores(const T* y, const T* clusters, const T* dhead, T* dy) const {
  T mean = 0;
  for (Index j = 0; j < shortlist_; ++j) mean += std::exp(y[j]) * dhead[j];
  for (Index k = 0; k < num_clusters(); ++k) mean += std::exp(clusters[k]) * dhead[shortlist_ + k];
  for (Index j = 0; j < shortlist_; ++j) dy[j] = dhead[j] - mean;
  for (Index k = 0; k < num_clusters(); ++k) {
    const Cluster& c = clusters_[std::size_t(k)];
    T within = 0;
    for (Index j = c.begin; j < c.end; ++j) within += std::exp(y[j] - clusters[k]) * dy[j];
    const T plus = dhead[shortlist_ + k] - mean - within;
    for (Index j = c.begin; j < c.end; ++j) dy[j] += plus;
  }
}

template <class T>
void AdaptiveSoftmax<T>::tangent(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const AdaptiveSoftmaxWeights<T>&>(weights);
  auto& tape = static_cast<AdaptiveSoftmaxTape<T>&>(base);
  const Index begin = tape.in->first_node(levels.begin) * tape.seeds, end = tape.in->first_node(levels.end) * tape.seeds;
  const Index count = end - begin, width = num_classes_ + num_clusters();
  T* dy = tape.dy + begin * tape.dy_stride;
  if (!tape.dx) return (void)std::fill_n(dy, count * tape.dy_stride, T(0));
  const T* dx = tape.dx + begin * tape.dx_stride;
  w.head.forward.multiply_from(products_, nullptr, dx, tape.dx_stride, count, tape.dscores.data() + begin * width, width);
  for (std::size_t k = 0; k < clusters_.size(); ++k) {
    const Cluster& c = clusters_[k];
    T* dhidden = tape.dhidden.data() + begin * hidden_ + c.hidden;
    w.clusters[k].projection.forward.multiply_from(products_, nullptr, dx, tape.dx_stride, count, dhidden, hidden_);
    w.clusters[k].scores.forward.multiply_from(products_, nullptr, dhidden, hidden_, count, dy + c.begin, tape.dy_stride);
  }
  for (Index i = begin; i < end; ++i) {
    const Index node = i / tape.seeds;
    from_scores(tape.y + node * tape.y_stride, tape.clusters.data() + node * num_clusters(), tape.dscores.data() + i * width,
                tape.dy + i * tape.dy_stride);
  }
}

template <class T>
void AdaptiveSoftmax<T>::backward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const AdaptiveSoftmaxWeights<T>&>(weights);
  auto& tape = static_cast<AdaptiveSoftmaxTape<T>&>(base);
  const Index begin = tape.in->first_node(levels.begin) * tape.seeds, end = tape.in->first_node(levels.end) * tape.seeds;
  const Index count = end - begin, width = num_classes_ + num_clusters();
  T* dscores = tape.dscores.data() + begin * width;
  for (Index i = begin; i < end; ++i) {
    const Index node = i / tape.seeds;
    to_scores(tape.y + node * tape.y_stride, tape.clusters.data() + node * num_clusters(), tape.dy + i * tape.dy_stride,
              tape.dscores.data() + i * width);
  }
  T* dx = tape.dx ? tape.dx + begin * tape.dx_stride : nullptr;
  if (dx) w.head.backward.multiply(products_, dscores, width, count, dx, tape.dx_stride);
  for (std::size_t k = 0; k < clusters_.size(); ++k) {
    const Cluster& c = clusters_[k];
    T* dhidden = tape.dhidden.data() + begin * hidden_ + c.hidden;
    w.clusters[k].scores.backward.multiply_from(products_, nullptr, dscores + c.begin + num_clusters(), width, count, dhidden,
                                                hidden_);
    if (dx) w.clusters[k].projection.backward.multiply(products_, dhidden, hidden_, count, dx, tape.dx_stride);
  }
}

template <class T>
void AdaptiveSoftmax<T>::gradient(Tape<T>& base, Levels levels, GradientTarget<T> target) const {
  auto& tape = static_cast<AdaptiveSoftmaxTape<T>&>(base);
  const Index width = num_classes_ + num_clusters();
  for_each_target(*tape.in, tape.seeds, levels, target, [&](const NodeSlice& nodes, T* gradient) {
    const auto add = [&](const T* a, Index a_stride, Index m, const T* b, Index b_stride, Index n, T* to) {
      add_outer(products_, a + nodes.cotangent() * a_stride, nodes.cotangent_step() * a_stride, b + nodes.first * b_stride,
                nodes.step * b_stride, nodes.count, m, n, to, n, tape.scratch.data());
    };
    const T* dscores = tape.dscores.data();
    add(dscores, width, head_size(), tape.x, tape.x_stride, input_size_, gradient);
    for (const Cluster& c : clusters_) {
      add(tape.dhidden.data() + c.hidden, hidden_, c.units, tape.x, tape.x_stride, input_size_, gradient + c.projection);
      add(dscores + c.begin + num_clusters(), width, c.size(), tape.hidden.data() + c.hidden, hidden_, c.units,
          gradient + c.scores);
    }
  });
}

#define RECURRA_INSTANTIATE(T)                                                           \
  template void AdaptiveSoftmax<T>::to_scores(const T*, const T*, const T*, T*) const;   \
  template void AdaptiveSoftmax<T>::from_scores(const T*, const T*, const T*, T*) const; \
  template void AdaptiveSoftmax<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const;  \
  template void AdaptiveSoftmax<T>::backward(const Weights<T>&, Tape<T>&, Levels) const; \
  template void AdaptiveSoftmax<T>::gradient(Tape<T>&, Levels, GradientTarget<T>) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
