#include "chain.h"

namespace recurra {

template <class T>
void Chain<T>::reserve(Tape<T>& of, bool backward) const {
  const T* x = of.x;
  Index x_stride = of.x_stride;
  for (std::size_t i = 0; i < this->size(); ++i) {
    this->reserve_child(of, i, x, x_stride, backward);
    x = this->tape(of, i).y;
    x_stride = this->tape(of, i).y_stride;
  }
  const Tape<T>& last = this->tape(of, this->size() - 1);
  of.y = last.y;
  of.y_stride = last.y_stride;
  of.dy = last.dy;
  of.dy_stride = last.dy_stride;
}

template <class T>
void Chain<T>::link_all(Tape<T>& of) const {
  this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
  for (std::size_t i = 1; i < this->size(); ++i) {
    const Tape<T>& before = this->tape(of, i - 1);
    this->link(of, i, before.y, before.y_stride, before.dy, before.dy_stride);
  }
}

template <class T>
void Chain<T>::forward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  link_all(of);
  for (std::size_t i = 0; i < this->size(); ++i) this->child(i).forward(this->weights(w, i), this->tape(of, i), levels);
}

template <class T>
void Chain<T>::tangent(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  link_all(of);
  for (std::size_t i = 0; i < this->size(); ++i) this->child(i).tangent(this->weights(w, i), this->tape(of, i), levels);
}

template <class T>
void Chain<T>::backward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  link_all(of);
  for (std::size_t i = this->size(); i-- > 0;) this->child(i).backward(this->weights(w, i), this->tape(of, i), levels);
}

template class Chain<float>;
template class Chain<double>;

}  // namespace recurra
