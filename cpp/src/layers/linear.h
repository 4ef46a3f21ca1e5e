// y = W x + b, or W x, at every step or node.
#pragma once

#include "node_slice.h"
#include "packed_matrix.h"
#include "row_matrix.h"

namespace recurra {

template <class T>
struct LinearWeights : Weights<T> {
  PackedMatrix<T> forward, backward;
  RowMatrix<T> matrix;  // in a stream of one row
  std::vector<T> bias;
  std::size_t bytes() const override { return forward.bytes() + backward.bytes() + matrix.bytes() + bytes_of(bias); }
};

template <class T>
class Linear final : public Layer<T> {
 public:
  // W may be named as several matrices, one below the other.
  Linear(const Kernels<T>& kernels, Index input_size, Index output_size, bool bias = true, Index matrices = 1)
      : products_(kernels.products),
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

 private:
  const Products<T>& products_;
  const RowProducts<T>& row_products_;
  Index input_size_, output_size_;
  bool bias_;
  Index matrices_;
};

}  // namespace recurra
