// Inverted dropout: while training each element is zero with the given probability, else divided by 1 - probability.
// N. Srivastava et al., JMLR 15 (2014). A mask depends on the noise key, the sequence, the step and the element alone; on all
// but the step if there is one mask per sequence (Y. Gal, Z. Ghahramani, NIPS 2016). Over trees and graphs a node, or the
// structure, stands for both.
#pragma once

#include "layer.h"

namespace recurra {

template <class T>
class Dropout final : public Layer<T> {
 public:
  Dropout(const Masks<T>& masks, double probability, bool per_sequence, Index size, std::uint64_t salt)
      : masks_(masks), probability_(probability), per_sequence_(per_sequence), size_(size), salt_(salt) {}
  Index input_size() const override { return size_; }
  Index output_size() const override { return size_; }
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>& tape) const override { clear_plain(tape); }
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  std::uint64_t mix_place(const Tape<T>&, std::uint64_t key, Index level, Index i) const;

  const Masks<T>& masks_;
  double probability_;
  bool per_sequence_;
  Index size_;
  std::uint64_t salt_;  // tells the dropout layers of a network apart
};

}  // namespace recurra
