// tanh, relu or the logistic function of every element.
#pragma once

#include "layer.h"

namespace recurra {

template <class T>
class ActivationLayer final : public Layer<T> {
 public:
  ActivationLayer(const Elementwise<T>& function, Index size) : function_(function), size_(size) {}
  Index input_size() const override { return size_; }
  Index output_size() const override { return size_; }
  std::unique_ptr<Tape<T>> make_tape() const override { return std::make_unique<PlainTape<T>>(); }
  void reserve(Tape<T>& tape, bool backward) const override { reserve_plain(static_cast<PlainTape<T>&>(tape), size_, backward); }
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>& tape) const override { clear_plain(tape); }
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  const Elementwise<T>& function_;
  Index size_;
};

}  // namespace recurra
