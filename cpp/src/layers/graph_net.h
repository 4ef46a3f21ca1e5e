// A graph network: R rounds in which every node hears from its neighbours and takes a step of a cell, h_v <- g(h_v, m_v). Rounds
// are steps in time and nodes are sequences, so the cell, its backward sweep and its weight gradient are those of sequences. F.
// Scarselli et al., The graph neural network model, IEEE Trans. Neural Networks 20 (2009); Y. Li et al., Gated graph sequence
// neural networks, ICLR 2016.
#pragma once

#include "messages.h"

namespace recurra {

// The children are the cell and its Messages. The features of a node are what its state starts with, the rest of it zero, or
// (`joins`) join each message.
template <class T>
class GraphNet final : public Wrapper<T> {
 public:
  GraphNet(std::vector<Child<T>> children, Index features, bool joins, Index rounds)
      : Wrapper<T>(std::move(children)), features_(features), joins_(joins), rounds_(rounds) {}
  Index input_size() const override { return features_; }
  Index output_size() const override { return this->child(0).output_size(); }
  Domain domain() const override { return Domain::graphs; }
  bool looks_ahead() const override { return true; }
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;

 protected:
  void place(std::size_t i, Part<T>& part) const override {
    part.gives_dx = true;
    part.pace.times = i == 0 ? double(rounds_) : 1;  // messages count theirs
  }

 private:
  Index message_size() const { return this->child(1).output_size(); }
  Levels all_rounds() const { return {1, rounds_ + 1}; }
  void link_both(Tape<T>&) const;

  Index features_;
  bool joins_;
  Index rounds_;
};

}  // namespace recurra
