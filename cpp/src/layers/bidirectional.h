// Two layers on the same sequences, one of them from each sequence's own end to its start: y = [forward(x), reverse(x)].
// M. Schuster, K. K. Paliwal, Bidirectional recurrent neural networks, IEEE Trans. Signal Processing 45 (1997).
#pragma once

#include "wrapper.h"

namespace recurra {

// The children are the forward and the reverse layer. A reversed sequence is as long as it was, so both share the schedule;
// step t of the reverse layer is step (length + 1 - t) of the sequence.
template <class T>
class Bidirectional final : public Wrapper<T> {
 public:
  using Wrapper<T>::Wrapper;
  Index input_size() const override { return this->child(0).input_size(); }
  Index output_size() const override { return this->child(0).output_size() + this->child(1).output_size(); }
  Domain domain() const override { return Domain::time; }
  bool looks_ahead() const override { return true; }
  std::vector<Index> feedbacks() const override { return {}; }  // one of its directions would need the teacher mirrored
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  void link_both(Tape<T>&) const;
};

}  // namespace recurra
