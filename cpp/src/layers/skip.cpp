#include "skip.h"

namespace recurra {

template <class T, Around around>
void SkipLayer<T, around>::reserve(Tape<T>& of, bool backward) const {
  reserve_plain(static_cast<PlainTape<T>&>(of), output_size(), backward);
  this->reserve_child(of, 0, of.x, of.x_stride, backward);
}

template <class T, Around around>
void SkipLayer<T, around>::forward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
  this->child(0).forward(this->weights(w, 0), this->tape(of, 0), levels);
  const Tape<T>& net = this->tape(of, 0);
  for (Index i = of.in->first_node(levels.begin); i < of.in->first_node(levels.end); ++i) {
    T* y = of.y + i * of.y_stride;
    std::copy_n(of.x + i * of.x_stride, input_size(), y);
    for (Index j = 0; j < this->child(0).output_size(); ++j)
      y[first_column() + j] = net.y[i * net.y_stride + j] + (around == Around::add ? y[j] : T(0));
  }
}

template <class T, Around around>
void SkipLayer<T, around>::tangent(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
  this->child(0).tangent(this->weights(w, 0), this->tape(of, 0), levels);
  const Tape<T>& net = this->tape(of, 0);
  const Index end = of.in->first_node(levels.end) * of.seeds;
  for (Index c = of.in->first_node(levels.begin) * of.seeds; c < end; ++c) {
    T* dy = of.dy + c * of.dy_stride;
    for (Index j = 0; j < input_size(); ++j) dy[j] = of.dx ? of.dx[c * of.dx_stride + j] : T(0);
    for (Index j = 0; j < this->child(0).output_size(); ++j)
      dy[first_column() + j] = net.dy[c * net.dy_stride + j] + (around == Around::add ? dy[j] : T(0));
  }
}

template <class T, Around around>
void SkipLayer<T, around>::backward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
  const Tape<T>& net = this->tape(of, 0);
  const Index end = of.in->first_node(levels.end) * of.seeds;
  for (Index c = of.in->first_node(levels.begin) * of.seeds; c < end; ++c) {
    const T* dy = of.dy + c * of.dy_stride;
    for (Index j = 0; j < this->child(0).output_size(); ++j) net.dy[c * net.dy_stride + j] += dy[first_column() + j];
    for (Index j = 0; of.dx && j < input_size(); ++j) of.dx[c * of.dx_stride + j] += dy[j];
  }
  this->child(0).backward(this->weights(w, 0), this->tape(of, 0), levels);
}

template class SkipLayer<float, Around::add>;
template class SkipLayer<double, Around::add>;
template class SkipLayer<float, Around::join>;
template class SkipLayer<double, Around::join>;

}  // namespace recurra
