// Log-probabilities of many classes, sorted from the most to the least frequent. The head scores the classes before the first
// cutoff (the shortlist) and each cluster of rarer ones; a cluster scores its own classes behind a projection to few units:
//   log p(y) = log softmax(W x)_y                                              y in the shortlist
//   log p(y) = log softmax(W x)_i + log softmax(U_i P_i x)_y                   y in cluster i
// E. Grave et al., Efficient softmax approximation for GPUs, ICML 2017; without biases, as in PyTorch. Where only the loss is
// wanted (ClassScorer), a cluster's classes are scored for the rows whose class it has: on average few of them.
#pragma once

#include "class_scorer.h"
#include "node_slice.h"

namespace recurra {

template <class T>
struct AdaptiveSoftmaxWeights;

template <class T>
class AdaptiveSoftmax final : public Layer<T>, public ClassScorer<T> {
 public:
  // cutoffs: 0 < first < .. < num_classes; units: of each cluster's projection, at least 1.
  AdaptiveSoftmax(const Kernels<T>& kernels, Index input_size, Index num_classes, const std::vector<Index>& cutoffs,
                  const std::vector<Index>& units);
  Index input_size() const override { return input_size_; }
  Index output_size() const override { return num_classes_; }
  std::vector<ParameterSpec> parameters() const override;
  // Of all scores; where the loss alone is wanted, it depends on the data how much less that is.
  Work work(bool gives_dx) const override;
  std::unique_ptr<Weights<T>> make_weights() const override;
  void refresh(const T* params, Weights<T>&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>& tape) const override { clear_plain(tape); }
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;

  bool pays(Index) const override { return !clusters_.empty(); }
  std::unique_ptr<ClassScratch<T>> make_class_scratch() const override;
  double class_loss(const Weights<T>&, ClassScratch<T>&, const ClassRows<T>&, T* gradient) const override;

 private:
  struct Cluster {
    Index begin, end;          // its classes
    Index units, hidden;       // of its projection, and where they lie among those of all clusters
    Index projection, scores;  // where P and U begin among the parameters
    Index size() const { return end - begin; }
  };
  Index num_clusters() const { return Index(clusters_.size()); }
  // Of W: the shortlist's classes, then the clusters.
  Index head_size() const { return shortlist_ + num_clusters(); }
  // What the head scores of a class: itself, or its cluster.
  Index head_index(Index cls) const;
  // to[m][n] += A[rows][m]^T B[rows][n], some of m at a time: scratch does not grow with the number of classes.
  void add_weight(const T* a, Index a_stride, Index m, const T* b, Index b_stride, Index n, Index rows, T* to, T* scratch) const;
  static constexpr Index outer_block = 1024;
  Index outer_scratch() const;
  // The way back through the log softmaxes of a node, from dy to the scores; and forwards, where the scores stand in dy.
  void to_scores(const T* y, const T* clusters, const T* dy, T* dscores) const;
  void from_scores(const T* y, const T* clusters, const T* dhead, T* dy, T* row) const;

  const Products<T>& products_;
  const RowProducts<T>& row_products_;
  const Reductions<T>& reductions_;
  Index input_size_, num_classes_;
  Index shortlist_;   // classes before the first cutoff
  Index hidden_ = 0;  // units of all projections
  std::vector<Cluster> clusters_;
};

}  // namespace recurra
