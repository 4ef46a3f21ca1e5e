// A tapped delay line: y_t = [x_t, x_{t-d}, ..., x_{t-nd}] for n taps d steps apart, the present input first or left out. With a
// Linear layer behind it, one layer of a time-delay network (A. Waibel et al., IEEE Trans. ASSP 37 (1989)), which is a dilated
// convolution over time. What came before the first step is state, zero at first.
#pragma once

#include "layer.h"

namespace recurra {

template <class T>
class Delay final : public Layer<T> {
 public:
  Delay(Index taps, Index dilation, bool present, Index size)
      : taps_(taps), dilation_(dilation), present_(present), size_(size) {}
  Index input_size() const override { return size_; }
  Index output_size() const override { return (taps_ + present_) * size_; }
  Domain domain() const override { return Domain::time; }
  bool needs_time() const override { return true; }
  std::vector<StateSpec> state() const override {  // the latest input first
    if (depth() == 0) return {};
    return {{"x", depth() * size_}};
  }
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void initial_state(const T*, T* to) const override { std::fill_n(to, depth() * size_, T(0)); }  // without allocating
  void load_state(Tape<T>&, Index sequence, const T* from) const override;
  void save_state(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void save_cotangent(Tape<T>&, Index level, Index sequence, Index seed, T* to) const override;
  void add_cotangent(Tape<T>&, Index level, Index sequence, Index seed, const T* from) const override;
  void carry(Tape<T>&, Index level) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  Index depth() const { return taps_ * dilation_; }  // steps that are remembered
  // Where a tap (1 ..) stands in a row of y.
  Index column(Index tap) const { return (tap - !present_) * size_; }

  Index taps_, dilation_;
  bool present_;
  Index size_;
};

}  // namespace recurra
