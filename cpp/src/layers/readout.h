// One vector for each tree or graph: the sum, mean or maximum of its nodes' features, feature by feature, its root's, or a sum
// whose terms the nodes choose, sum_v sigmoid(W_i h_v + b_i) tanh(W_j h_v + b_j) (Y. Li et al., Gated graph sequence neural
// networks, ICLR 2016, eq. 7, without the outer tanh). A structure without nodes gives zeros.
#pragma once

#include "linear.h"
#include "wrapper.h"

namespace recurra {

enum class Pool { sum, mean, max, root };

template <class T>
class Readout final : public Layer<T> {
 public:
  Readout(Pool pool, Index size) : pool_(pool), size_(size) {}
  Index input_size() const override { return size_; }
  Index output_size() const override { return size_; }
  Domain domain() const override { return pool_ == Pool::root ? Domain::trees : Domain::structures; }
  void check(const CompiledTopology&) const override;
  bool pools() const override { return true; }
  bool needs_time() const override { return true; }
  bool looks_ahead() const override { return true; }
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>& tape) const override { clear_plain(tape); }
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  Pool pool_;
  Index size_;
};

// The only child is the Linear of both parts, [i, j].
template <class T>
class GatedReadout final : public Wrapper<T> {
 public:
  GatedReadout(const Kernels<T>& kernels, std::vector<Child<T>> linear) : Wrapper<T>(std::move(linear)), kernels_(kernels) {}
  Index input_size() const override { return this->child(0).input_size(); }
  Index output_size() const override { return this->child(0).output_size() / 2; }
  Domain domain() const override { return Domain::structures; }
  bool pools() const override { return true; }
  bool needs_time() const override { return true; }
  bool looks_ahead() const override { return true; }
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  const Kernels<T>& kernels_;
};

}  // namespace recurra
