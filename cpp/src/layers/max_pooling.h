// The maximum of the valid steps, feature by feature: (time, features) -> (features). A sequence without a step gives zeros.
// Step by step it is the running maximum, which is why Max carries the maximum so far and a count: without steps the maximum is
// no number, and a state is finite. The gradient goes to the first step that has the maximum; where what was carried is as
// large, to none.
#pragma once

#include "layer.h"

namespace recurra {

template <class T>
class Max final : public Layer<T> {
 public:
  explicit Max(Index size) : size_(size) {}
  Index input_size() const override { return size_; }
  Index output_size() const override { return size_; }
  bool pools() const override { return true; }
  Domain domain() const override { return Domain::time; }
  bool needs_time() const override { return true; }
  std::vector<StateSpec> state() const override { return {{"max", size_}, {"count", 1}}; }
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void load_state(Tape<T>&, Index sequence, const T* from) const override;
  void save_state(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>& tape) const override { clear_plain(tape); }
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  Index size_;
};

}  // namespace recurra
