#include "activation.h"

#include <algorithm>

namespace recurra {

template <class T>
void ActivationLayer<T>::forward(const Weights<T>&, Tape<T>& tape, Levels levels) const {
  for (Index i = tape.in->first_node(levels.begin); i < tape.in->first_node(levels.end); ++i)
    function_.value(tape.x + i * tape.x_stride, size_, tape.y + i * tape.y_stride);
}

template <class T>
void ActivationLayer<T>::tangent(const Weights<T>&, Tape<T>& tape, Levels levels) const {  // the Jacobian is diagonal
  for (Index i = tape.in->first_node(levels.begin); i < tape.in->first_node(levels.end); ++i)
    for (Index seed = 0; seed < tape.seeds; ++seed) {
      const Index c = i * tape.seeds + seed;
      std::fill_n(tape.dy + c * tape.dy_stride, size_, T(0));
      if (tape.dx) function_.vjp(tape.x + i * tape.x_stride, tape.dx + c * tape.dx_stride, size_, tape.dy + c * tape.dy_stride);
    }
}

template <class T>
void ActivationLayer<T>::backward(const Weights<T>&, Tape<T>& tape, Levels levels) const {
  if (!tape.dx) return;
  for (Index i = tape.in->first_node(levels.begin); i < tape.in->first_node(levels.end); ++i)
    for (Index seed = 0; seed < tape.seeds; ++seed) {
      const Index c = i * tape.seeds + seed;
      function_.vjp(tape.x + i * tape.x_stride, tape.dy + c * tape.dy_stride, size_, tape.dx + c * tape.dx_stride);
    }
}

template class ActivationLayer<float>;
template class ActivationLayer<double>;

}  // namespace recurra
