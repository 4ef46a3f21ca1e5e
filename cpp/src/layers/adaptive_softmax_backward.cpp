// The adaptive softmax as a linear map at a point: forwards, backwards, and its parameters' gradient.
#include <algorithm>
#include <cmath>

#include "adaptive_softmax.h"
#include "adaptive_softmax_tape.h"
#include "log_softmax.h"

namespace recurra {

// Of z = log softmax(s), p = exp(z): ds = dz - p sum(dz). What the classes of a cluster get, it gets in the head.
template <class T>
void AdaptiveSoftmax<T>::to_scores(const T* y, const T* clusters, const T* dy, T* dscores) const {
  // No log-probability is above 0, nor above that of its cluster.
  const auto within = [&](const T* z, T above, const T* dz, T sum, Index count, T* ds) {
    exponentials_below(reductions_, z, above, count, ds);
    for (Index j = 0; j < count; ++j) ds[j] = dz[j] - ds[j] * sum;
  };
  double total = long_sum(dy, shortlist_);
  for (Index k = 0; k < num_clusters(); ++k) {
    const Cluster& c = clusters_[std::size_t(k)];
    const double sum = long_sum(dy + c.begin, c.size());
    within(y + c.begin, clusters[k], dy + c.begin, T(sum), c.size(), dscores + c.begin + num_clusters());
    total += sum;
  }
  within(y, T(0), dy, T(total), shortlist_, dscores);
  for (Index k = 0; k < num_clusters(); ++k) {
    const Cluster& c = clusters_[std::size_t(k)];
    dscores[shortlist_ + k] = T(long_sum(dy + c.begin, c.size()) - double(std::exp(clusters[k])) * total);
  }
}

// dz = ds - sum(p ds)
template <class T>
void AdaptiveSoftmax<T>::from_scores(const T* y, const T* clusters, const T* dhead, T* dy, T* row) const {
  const auto mean_of = [&](const T* z, T above, const T* ds, Index count) {
    exponentials_below(reductions_, z, above, count, row);
    for (Index j = 0; j < count; ++j) row[j] *= ds[j];
    return long_sum(row, count);
  };
  double mean = mean_of(y, T(0), dhead, shortlist_);
  for (Index k = 0; k < num_clusters(); ++k) mean += double(std::exp(clusters[k])) * double(dhead[shortlist_ + k]);
  for (Index j = 0; j < shortlist_; ++j) dy[j] = dhead[j] - T(mean);
  for (Index k = 0; k < num_clusters(); ++k) {
    const Cluster& c = clusters_[std::size_t(k)];
    const T plus = T(double(dhead[shortlist_ + k]) - mean - mean_of(y + c.begin, clusters[k], dy + c.begin, c.size()));
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
                tape.dy + i * tape.dy_stride, tape.row.data());
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
void AdaptiveSoftmax<T>::add_weight(const T* a, Index a_stride, Index m, const T* b, Index b_stride, Index n, Index rows, T* to,
                                    T* scratch) const {
  for (Index begin = 0; begin < m; begin += outer_block)
    add_outer(products_, a + begin, a_stride, b, b_stride, rows, std::min(outer_block, m - begin), n, to + begin * n, n, scratch);
}

template <class T>
void AdaptiveSoftmax<T>::gradient(Tape<T>& base, Levels levels, GradientTarget<T> target) const {
  auto& tape = static_cast<AdaptiveSoftmaxTape<T>&>(base);
  const Index width = num_classes_ + num_clusters();
  for_each_target(*tape.in, tape.seeds, levels, target, [&](const NodeSlice& nodes, T* gradient) {
    const auto add = [&](const T* a, Index a_stride, Index m, const T* b, Index b_stride, Index n, T* to) {
      add_weight(a + nodes.cotangent() * a_stride, nodes.cotangent_step() * a_stride, m, b + nodes.first * b_stride,
                 nodes.step * b_stride, n, nodes.count, to, tape.scratch.data());
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

#define RECURRA_INSTANTIATE(T)                                                                                       \
  template void AdaptiveSoftmax<T>::to_scores(const T*, const T*, const T*, T*) const;                               \
  template void AdaptiveSoftmax<T>::from_scores(const T*, const T*, const T*, T*, T*) const;                         \
  template void AdaptiveSoftmax<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const;                              \
  template void AdaptiveSoftmax<T>::backward(const Weights<T>&, Tape<T>&, Levels) const;                             \
  template void AdaptiveSoftmax<T>::add_weight(const T*, Index, Index, const T*, Index, Index, Index, T*, T*) const; \
  template void AdaptiveSoftmax<T>::gradient(Tape<T>&, Levels, GradientTarget<T>) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
