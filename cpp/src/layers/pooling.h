// Pooling over time: (time, features) -> (features). Last takes the last valid step, Mean the mean of the valid steps.
// A sequence without a step gives zeros. Step by step, Last is the present step and Mean the running mean, which is why
// Mean carries the mean so far and a count. (Once the count is as large as T can count, 2^24 in float, the running mean
// forgets at that rate instead of growing stale.)
#pragma once

#include "layer.h"

namespace recurra {

template <class T>
class Last final : public Layer<T> {
 public:
  explicit Last(Index size) : size_(size) {}
  Index input_size() const override { return size_; }
  Index output_size() const override { return size_; }
  bool pools() const override { return true; }
  Domain domain() const override { return Domain::time; }
  bool needs_time() const override { return true; }
  std::unique_ptr<Tape<T>> make_tape() const override { return std::make_unique<PlainTape<T>>(); }
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>& tape) const override { clear_plain(tape); }
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  Index size_;
};

template <class T>
class Mean final : public Layer<T> {
 public:
  explicit Mean(Index size) : size_(size) {}
  Index input_size() const override { return size_; }
  Index output_size() const override { return size_; }
  bool pools() const override { return true; }
  Domain domain() const override { return Domain::time; }
  bool needs_time() const override { return true; }
  std::vector<StateSpec> state() const override { return {{"mean", size_}, {"count", 1}}; }
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void load_state(Tape<T>&, Index sequence, const T* from) const override;
  void save_state(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  Index size_;
};

}  // namespace recurra
