// The adaptive softmax at rest and forwards.
#include "adaptive_softmax.h"

#include <algorithm>
#include <cmath>

#include "adaptive_softmax_tape.h"
#include "log_softmax.h"

namespace recurra {

template <class T>
AdaptiveSoftmax<T>::AdaptiveSoftmax(const Kernels<T>& kernels, Index input_size, Index num_classes,
                                    const std::vector<Index>& cutoffs, const std::vector<Index>& units)
    : products_(kernels.products),
      row_products_(kernels.row_products),
      reductions_(kernels.reductions),
      input_size_(input_size),
      num_classes_(num_classes),
      shortlist_(cutoffs.empty() ? num_classes : cutoffs.front()) {
  Index at = (shortlist_ + Index(cutoffs.size())) * input_size;
  for (std::size_t i = 0; i < cutoffs.size(); ++i) {
    const Index end = i + 1 < cutoffs.size() ? cutoffs[i + 1] : num_classes;
    clusters_.push_back({cutoffs[i], end, units[i], hidden_, at, at + units[i] * input_size});
    hidden_ += units[i];
    at = clusters_.back().scores + clusters_.back().size() * units[i];
  }
}

template <class T>
std::vector<ParameterSpec> AdaptiveSoftmax<T>::parameters() const {
  const auto weight = [](const std::string& name, Index rows, Index columns) {
    return ParameterSpec{name, {rows, columns}, ParameterSpec::Role::input_weight, 1 / std::sqrt(double(columns))};
  };
  std::vector<ParameterSpec> all{weight("weight_head", head_size(), input_size_)};
  for (std::size_t i = 0; i < clusters_.size(); ++i) {
    const std::string number = std::to_string(i);
    all.push_back(weight("weight_projection_" + number, clusters_[i].units, input_size_));
    all.push_back(weight("weight_tail_" + number, clusters_[i].size(), clusters_[i].units));
  }
  return all;
}

// Cotangents of the projections are always wanted: those learn.
template <class T>
Work AdaptiveSoftmax<T>::work(bool gives_dx) const {
  Work work = Layer<T>::work(gives_dx);
  for (const Cluster& c : clusters_)
    if (!gives_dx) work.training[Per::step] += double(c.size()) * double(c.units);
  return work;
}

template <class T>
std::unique_ptr<Weights<T>> AdaptiveSoftmax<T>::make_weights() const {
  return std::make_unique<AdaptiveSoftmaxWeights<T>>();
}

template <class T>
void AdaptiveSoftmax<T>::refresh(const T* params, Weights<T>& weights) const {
  auto& w = static_cast<AdaptiveSoftmaxWeights<T>&>(weights);
  const auto pack = [&](ScoreMatrix<T>& to, const T* matrix, Index rows, Index columns, bool goes_back) {
    if (!w.row || !w.row->narrow()) to.forward.pack_transposed(products_, matrix, rows, columns);
    if (goes_back && !w.row) to.backward.pack_plain(products_, matrix, rows, columns);
    if (w.row) to.row.pack(row_products_, *w.row, {{0, rows, matrix, columns}});
  };
  pack(w.head, params, head_size(), input_size_, w.gives_dx);
  w.clusters.resize(clusters_.size());
  for (std::size_t i = 0; i < clusters_.size(); ++i) {
    const Cluster& c = clusters_[i];
    pack(w.clusters[i].projection, params + c.projection, c.units, input_size_, w.gives_dx);
    pack(w.clusters[i].scores, params + c.scores, c.size(), c.units, true);
  }
}

template <class T>
std::unique_ptr<Tape<T>> AdaptiveSoftmax<T>::make_tape() const {
  return std::make_unique<AdaptiveSoftmaxTape<T>>();
}

template <class T>
Index AdaptiveSoftmax<T>::outer_scratch() const {
  const auto of = [&](Index m, Index n) { return products_.outer_scratch(std::min(m, outer_block), n); };
  Index most = of(head_size(), input_size_);
  for (const Cluster& c : clusters_) most = std::max({most, of(c.units, input_size_), of(c.size(), c.units)});
  return most;
}

template <class T>
void AdaptiveSoftmax<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<AdaptiveSoftmaxTape<T>&>(base);
  reserve_plain(tape, num_classes_, backward);
  const std::size_t rows = std::size_t(tape.out->num_nodes()), seeds = std::size_t(tape.seeds);
  tape.clusters.resize(rows * clusters_.size());
  tape.hidden.resize(rows * std::size_t(hidden_));
  Index widest = head_size();
  for (const Cluster& c : clusters_) widest = std::max(widest, c.size());
  tape.row.resize(std::size_t(widest));
  if (!backward) return;
  tape.dhidden.resize(rows * seeds * std::size_t(hidden_));
  tape.dscores.resize(rows * seeds * std::size_t(num_classes_ + num_clusters()));
  tape.scratch.resize(std::size_t(outer_scratch()));
}

template <class T>
void AdaptiveSoftmax<T>::forward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const AdaptiveSoftmaxWeights<T>&>(weights);
  auto& tape = static_cast<AdaptiveSoftmaxTape<T>&>(base);
  const Index first = tape.in->first_node(levels.begin), count = tape.in->first_node(levels.end) - first;
  const auto multiply = [&](const ScoreMatrix<T>& m, const T* a, Index a_stride, Index columns, T* c, Index c_stride) {
    if (!w.row || (count != 1 && !w.row->narrow()))
      return m.forward.multiply_from(products_, nullptr, a, a_stride, count, c, c_stride);
    for (Index i = 0; i < count; ++i, a += a_stride, c += c_stride) {
      std::fill_n(c, columns, T(0));
      m.row.multiply(a, nullptr, c, c);
    }
  };
  const T* x = tape.x + first * tape.x_stride;
  T* y = tape.y + first * tape.y_stride;
  T* clusters = tape.clusters.data() + first * num_clusters();
  // What the head says of the clusters stands where their first classes belong, until it has been put aside.
  multiply(w.head, x, tape.x_stride, head_size(), y, tape.y_stride);
  for (Index i = 0; i < count; ++i) {
    log_softmax(reductions_, y + i * tape.y_stride, head_size(), T(0));
    std::copy_n(y + i * tape.y_stride + shortlist_, num_clusters(), clusters + i * num_clusters());
  }
  for (std::size_t k = 0; k < clusters_.size(); ++k) {
    const Cluster& c = clusters_[k];
    T* hidden = tape.hidden.data() + first * hidden_ + c.hidden;
    multiply(w.clusters[k].projection, x, tape.x_stride, c.units, hidden, hidden_);
    multiply(w.clusters[k].scores, hidden, hidden_, c.size(), y + c.begin, tape.y_stride);
    for (Index i = 0; i < count; ++i)
      log_softmax(reductions_, y + i * tape.y_stride + c.begin, c.size(), clusters[i * num_clusters() + Index(k)]);
  }
}

#define RECURRA_INSTANTIATE(T)                                                                             \
  template AdaptiveSoftmax<T>::AdaptiveSoftmax(const Kernels<T>&, Index, Index, const std::vector<Index>&, \
                                               const std::vector<Index>&);                                 \
  template std::vector<ParameterSpec> AdaptiveSoftmax<T>::parameters() const;                              \
  template Work AdaptiveSoftmax<T>::work(bool) const;                                                      \
  template std::unique_ptr<Weights<T>> AdaptiveSoftmax<T>::make_weights() const;                           \
  template void AdaptiveSoftmax<T>::refresh(const T*, Weights<T>&) const;                                  \
  template std::unique_ptr<Tape<T>> AdaptiveSoftmax<T>::make_tape() const;                                 \
  template Index AdaptiveSoftmax<T>::outer_scratch() const;                                                \
  template void AdaptiveSoftmax<T>::reserve(Tape<T>&, bool) const;                                         \
  template void AdaptiveSoftmax<T>::forward(const Weights<T>&, Tape<T>&, Levels) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
