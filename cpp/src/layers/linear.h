// y = W x + b, or W x, at every step or node. A wide W goes in blocks of rows, so that what belongs to a block stays in the
// caches and scratch does not grow with the number of classes.
#pragma once

#include "class_scorer.h"
#include "node_slice.h"
#include "packed_matrix.h"
#include "row_matrix.h"

namespace recurra {

template <class T>
struct LinearWeights : Weights<T> {
  struct Block {
    Index first, count;  // rows of W
    PackedMatrix<T> forward, backward;
  };
  std::vector<Block> blocks;
  RowMatrix<T> matrix;        // in a stream of one row
  const T* params = nullptr;  // where only samples are asked for
  std::vector<T> bias;
  std::size_t bytes() const override {
    std::size_t sum = matrix.bytes() + bytes_of(bias);
    for (const Block& block : blocks) sum += block.forward.bytes() + block.backward.bytes();
    return sum;
  }
};

template <class T>
class Linear final : public Layer<T>, public ClassScorer<T> {
 public:
  // W may be named as several matrices, one below the other.
  Linear(const Kernels<T>& kernels, Index input_size, Index output_size, bool bias = true, Index matrices = 1)
      : products_(kernels.products),
        reductions_(kernels.reductions),
        row_products_(kernels.row_products),
        input_size_(input_size),
        output_size_(output_size),
        bias_(bias),
        matrices_(matrices) {}
  Index input_size() const override { return input_size_; }
  Index output_size() const override { return output_size_; }
  std::vector<ParameterSpec> parameters() const override;
  std::unique_ptr<Weights<T>> make_weights() const override { return std::make_unique<LinearWeights<T>>(); }
  void refresh(const T* params, Weights<T>&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override { return std::make_unique<PlainTape<T>>(); }
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>& tape) const override { clear_plain(tape); }
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;

  bool pays(Index rows) const override;
  bool takes_samples() const override { return true; }
  void refresh_for_samples(const T* params, Weights<T>& weights) const override {
    static_cast<LinearWeights<T>&>(weights).params = params;
  }
  std::unique_ptr<ClassScratch<T>> make_class_scratch() const override;
  double class_loss(const Weights<T>&, ClassScratch<T>&, const ClassRows<T>&, T* gradient) const override;

 private:
  static constexpr Index block_rows = 1024;  // a multiple of every register's lanes

  Index outer_scratch() const { return products_.outer_scratch(std::min(output_size_, 2 * block_rows), input_size_); }
  double full_loss(const LinearWeights<T>&, ClassScratch<T>&, const ClassRows<T>&, T* gradient) const;
  double sampled_loss(const LinearWeights<T>&, ClassScratch<T>&, const ClassRows<T>&, T* gradient) const;
  // C = A W^T + b, and C += A W.
  void multiply(const LinearWeights<T>&, const T* bias, const T* a, Index a_stride, Index rows, T* c, Index c_stride) const;
  void multiply_back(const LinearWeights<T>&, const T* a, Index a_stride, Index rows, T* c, Index c_stride) const;
  // Adds to the gradients of W and b.
  void add_gradient(const T* dy, Index dy_step, const T* x, Index x_step, Index rows, T* gradient, T* scratch) const;

  const Products<T>& products_;
  const Reductions<T>& reductions_;
  const RowProducts<T>& row_products_;
  Index input_size_, output_size_;
  bool bias_;
  Index matrices_;
};

}  // namespace recurra
