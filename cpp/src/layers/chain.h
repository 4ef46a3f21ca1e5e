// Layers one after the other, as one layer.
#pragma once

#include "wrapper.h"

namespace recurra {

template <class T>
class Chain final : public Wrapper<T> {
 public:
  using Wrapper<T>::Wrapper;
  Index input_size() const override { return this->child(0).input_size(); }
  Input input() const override { return this->child(0).input(); }
  Index output_size() const override { return this->child(this->size() - 1).output_size(); }
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 protected:
  void place(std::size_t i, Part<T>& part) const override { part.gives_dx |= i > 0; }

 private:
  void link_all(Tape<T>&) const;
};

}  // namespace recurra
