// A row of a table per class id. Ids travel as numbers of type T (exact up to 2^24 in float), checked at the public border.
#pragma once

#include "node_slice.h"

namespace recurra {

template <class T>
class Embedding final : public Layer<T> {
 public:
  Embedding(Index num_embeddings, Index size) : num_embeddings_(num_embeddings), size_(size) {}
  Index input_size() const override { return 1; }
  Index output_size() const override { return size_; }
  Input input() const override { return Input::ids; }
  std::vector<ParameterSpec> parameters() const override {
    return {{"weight", {num_embeddings_, size_}, ParameterSpec::Role::embedding, 1.0}};
  }
  std::unique_ptr<Weights<T>> make_weights() const override;
  void refresh(const T* params, Weights<T>&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override { return std::make_unique<PlainTape<T>>(); }
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>& tape) const override { clear_plain(tape); }
  void backward(const Weights<T>&, Tape<T>&, Levels) const override {}  // ids have no gradient
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;

 private:
  Index num_embeddings_, size_;
};

}  // namespace recurra
