#include "linear.h"

#include <algorithm>
#include <cmath>

namespace recurra {

template <class T>
std::vector<ParameterSpec> Linear<T>::parameters() const {
  const double scale = 1 / std::sqrt(double(input_size_));
  std::vector<Index> shape{output_size_, input_size_};
  if (matrices_ > 1) shape = {matrices_, output_size_ / matrices_, input_size_};
  std::vector<ParameterSpec> all{{"weight", shape, ParameterSpec::Role::input_weight, scale}};
  all.back().block = output_size_ / matrices_;
  if (bias_) all.push_back({"bias", {shape.begin(), shape.end() - 1}, ParameterSpec::Role::bias, scale});
  return all;
}

template <class T>
void Linear<T>::refresh(const T* params, Weights<T>& weights) const {
  auto& w = static_cast<LinearWeights<T>&>(weights);
  if (!weights.row || !weights.row->narrow()) w.forward.pack_transposed(products_, params, output_size_, input_size_);
  if (w.gives_dx && !weights.row) w.backward.pack_plain(products_, params, output_size_, input_size_);
  const T* bias = params + output_size_ * input_size_;
  if (bias_)
    w.bias.assign(bias, bias + output_size_);
  else
    w.bias.assign(std::size_t(output_size_), T(0));
  if (weights.row) w.matrix.pack(row_products_, *weights.row, {{0, output_size_, params, input_size_}});
}

template <class T>
void Linear<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<PlainTape<T>&>(base);
  reserve_plain(tape, output_size_, backward);
  if (backward) tape.scratch.resize(std::size_t(products_.outer_scratch(output_size_, input_size_)));
}

template <class T>
void Linear<T>::forward(const Weights<T>& weights, Tape<T>& tape, Levels levels) const {
  const auto& w = static_cast<const LinearWeights<T>&>(weights);
  const Index first = tape.in->first_node(levels.begin), count = tape.in->first_node(levels.end) - first;
  T* y = tape.y + first * tape.y_stride;
  if (w.row && (count == 1 || w.row->narrow())) {
    for (Index i = 0; i < count; ++i)
      w.matrix.multiply(tape.x + (first + i) * tape.x_stride, nullptr, w.bias.data(), y + i * tape.y_stride);
    return;
  }
  w.forward.multiply_from(products_, w.bias.data(), tape.x + first * tape.x_stride, tape.x_stride, count, y, tape.y_stride);
}

template <class T>
void Linear<T>::tangent(const Weights<T>& weights, Tape<T>& tape, Levels levels) const {
  const auto& w = static_cast<const LinearWeights<T>&>(weights);
  const Index first = tape.in->first_node(levels.begin) * tape.seeds;
  const Index count = tape.in->first_node(levels.end) * tape.seeds - first;
  if (tape.dx)
    w.forward.multiply_from(products_, nullptr, tape.dx + first * tape.dx_stride, tape.dx_stride, count,
                            tape.dy + first * tape.dy_stride, tape.dy_stride);
  else
    std::fill_n(tape.dy + first * tape.dy_stride, count * tape.dy_stride, T(0));
}

template <class T>
void Linear<T>::backward(const Weights<T>& weights, Tape<T>& tape, Levels levels) const {
  if (!tape.dx) return;
  const auto& w = static_cast<const LinearWeights<T>&>(weights);
  const Index first = tape.in->first_node(levels.begin) * tape.seeds;
  const Index count = tape.in->first_node(levels.end) * tape.seeds - first;
  w.backward.multiply(products_, tape.dy + first * tape.dy_stride, tape.dy_stride, count, tape.dx + first * tape.dx_stride,
                      tape.dx_stride);
}

template <class T>
void Linear<T>::gradient(Tape<T>& base, Levels levels, GradientTarget<T> target) const {
  auto& tape = static_cast<PlainTape<T>&>(base);
  const auto add = [&](const NodeSlice& nodes, T* gradient) {
    const T* dy = tape.dy + nodes.cotangent() * tape.dy_stride;
    const Index dy_step = nodes.cotangent_step() * tape.dy_stride;
    add_outer(products_, dy, dy_step, tape.x + nodes.first * tape.x_stride, nodes.step * tape.x_stride, nodes.count, output_size_,
              input_size_, gradient, input_size_, tape.scratch.data());
    if (!bias_) return;
    T* bias = gradient + output_size_ * input_size_;
    for (Index i = 0; i < nodes.count; ++i)
      for (Index j = 0; j < output_size_; ++j) bias[j] += dy[i * dy_step + j];
  };
  for_each_target(*tape.in, tape.seeds, levels, target, add);
}

template class Linear<float>;
template class Linear<double>;

}  // namespace recurra
