// The cross entropy of an adaptive softmax: the head for all rows, a cluster for those whose class it has. Some rows at a time,
// so that scratch is bounded however many rows and classes there are.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "adaptive_softmax.h"
#include "adaptive_softmax_tape.h"
#include "log_softmax.h"

namespace recurra {

namespace {

template <class T>
struct AdaptiveScratch final : ClassScratch<T> {
  std::vector<T> scores, outer;           // of the rows at work: scores, then their cotangents
  std::vector<T> x, dx, hidden, dhidden;  // the rows of a cluster, side by side
  std::vector<Index> members;             // which rows those are
  std::size_t bytes() const override { return bytes_of(scores, outer, x, dx, hidden, dhidden, members); }
};

// Enough for the products to run at full speed; fewer of them where each has very many scores.
Index rows_at_once(Index width) { return std::clamp((Index(1) << 18) / width, Index(32), Index(256)); }

}  // namespace

template <class T>
Index AdaptiveSoftmax<T>::head_index(Index cls) const {
  if (cls < shortlist_) return cls;
  const auto behind =
      std::upper_bound(clusters_.begin(), clusters_.end(), cls, [](Index wanted, const Cluster& c) { return wanted < c.end; });
  return shortlist_ + Index(behind - clusters_.begin());
}

template <class T>
std::unique_ptr<ClassScratch<T>> AdaptiveSoftmax<T>::make_class_scratch() const {
  return std::make_unique<AdaptiveScratch<T>>();
}

template <class T>
double AdaptiveSoftmax<T>::class_loss(const Weights<T>& weights, ClassScratch<T>& base, const ClassRows<T>& rows,
                                      T* gradient) const {
  const auto& w = static_cast<const AdaptiveSoftmaxWeights<T>&>(weights);
  if (w.row) throw std::logic_error("AdaptiveSoftmax: a loss with the weights of a stream, expected those of a batch");
  auto& scratch = static_cast<AdaptiveScratch<T>&>(base);
  const auto room = [](std::vector<T>& of, Index size) {
    if (of.size() < std::size_t(size)) of.resize(std::size_t(size));
    return of.data();
  };
  T* const outer = gradient ? room(scratch.outer, outer_scratch()) : nullptr;
  const bool dx_wanted = gradient && rows.dx;
  double loss = 0;

  const Index step = std::min(rows_at_once(head_size()), rows.count);
  T* scores = room(scratch.scores, step * head_size());
  for (Index first = 0; first < rows.count; first += step) {
    const Index count = std::min(step, rows.count - first);
    const T* x = rows.x + first * rows.x_stride;
    w.head.forward.multiply_from(products_, nullptr, x, rows.x_stride, count, scores, head_size());
    for (Index i = 0; i < count; ++i)
      loss += softmax_loss(reductions_, scores + i * head_size(), head_size(), head_index(Index(rows.classes[first + i])),
                           rows.scales[first + i]);
    if (!gradient) continue;
    add_weight(scores, head_size(), head_size(), x, rows.x_stride, input_size_, count, gradient, outer);
    if (dx_wanted)
      w.head.backward.multiply(products_, scores, head_size(), count, rows.dx + first * rows.dx_stride, rows.dx_stride);
  }

  for (std::size_t k = 0; k < clusters_.size(); ++k) {
    const Cluster& c = clusters_[k];
    const auto& matrices = w.clusters[k];
    scratch.members.clear();
    for (Index i = 0; i < rows.count; ++i)
      if (rows.classes[i] >= c.begin && rows.classes[i] < c.end) scratch.members.push_back(i);
    const Index all = Index(scratch.members.size()), part = std::min(rows_at_once(c.size()), all);
    scores = room(scratch.scores, part * c.size());
    T *x = room(scratch.x, part * input_size_), *hidden = room(scratch.hidden, part * c.units);
    T* dhidden = gradient ? room(scratch.dhidden, part * c.units) : nullptr;
    T* dx = dx_wanted ? room(scratch.dx, part * input_size_) : nullptr;
    for (Index first = 0; first < all; first += part) {
      const Index* members = scratch.members.data() + first;
      const Index count = std::min(part, all - first);
      for (Index i = 0; i < count; ++i) std::copy_n(rows.x + members[i] * rows.x_stride, input_size_, x + i * input_size_);
      matrices.projection.forward.multiply_from(products_, nullptr, x, input_size_, count, hidden, c.units);
      matrices.scores.forward.multiply_from(products_, nullptr, hidden, c.units, count, scores, c.size());
      for (Index i = 0; i < count; ++i)
        loss += softmax_loss(reductions_, scores + i * c.size(), c.size(), Index(rows.classes[members[i]]) - c.begin,
                             rows.scales[members[i]]);
      if (!gradient) continue;
      add_weight(scores, c.size(), c.size(), hidden, c.units, c.units, count, gradient + c.scores, outer);
      matrices.scores.backward.multiply_from(products_, nullptr, scores, c.size(), count, dhidden, c.units);
      add_weight(dhidden, c.units, c.units, x, input_size_, input_size_, count, gradient + c.projection, outer);
      if (!dx_wanted) continue;
      matrices.projection.backward.multiply_from(products_, nullptr, dhidden, c.units, count, dx, input_size_);
      for (Index i = 0; i < count; ++i)
        for (Index j = 0; j < input_size_; ++j) rows.dx[members[i] * rows.dx_stride + j] += dx[i * input_size_ + j];
    }
  }
  return loss;
}

#define RECURRA_INSTANTIATE(T)                                                              \
  template Index AdaptiveSoftmax<T>::head_index(Index) const;                               \
  template std::unique_ptr<ClassScratch<T>> AdaptiveSoftmax<T>::make_class_scratch() const; \
  template double AdaptiveSoftmax<T>::class_loss(const Weights<T>&, ClassScratch<T>&, const ClassRows<T>&, T*) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
