// Connections around layers: Residual, y = x + net(x), and Skip, y = [x, net(x)].
// K. He et al., CVPR 2016; G. Huang et al., CVPR 2017.
#pragma once

#include "wrapper.h"

namespace recurra {

enum class Around { add, join };

// The one child is the net.
template <class T, Around around>
class SkipLayer final : public Wrapper<T> {
 public:
  using Wrapper<T>::Wrapper;
  Index input_size() const override { return this->child(0).input_size(); }
  Index output_size() const override { return first_column() + this->child(0).output_size(); }
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  // Where the net's output begins in a row of y.
  Index first_column() const { return around == Around::join ? input_size() : 0; }
};

template <class T>
using Residual = SkipLayer<T, Around::add>;
template <class T>
using Skip = SkipLayer<T, Around::join>;

}  // namespace recurra
