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
  const Index blocks = std::max(output_size_ / block_rows, Index(1));  // the last one takes the rest, too
  w.blocks.resize(std::size_t(blocks));
  for (Index i = 0; i < blocks; ++i) {
    auto& block = w.blocks[std::size_t(i)];
    block.first = i * block_rows;
    block.count = i + 1 < blocks ? block_rows : output_size_ - block.first;
    const T* rows = params + block.first * input_size_;
    if (!weights.row || !weights.row->narrow()) block.forward.pack_transposed(products_, rows, block.count, input_size_);
    if (w.gives_dx && !weights.row) block.backward.pack_plain(products_, rows, block.count, input_size_);
  }
  const T* bias = params + output_size_ * input_size_;
  if (bias_)
    w.bias.assign(bias, bias + output_size_);
  else
    w.bias.assign(std::size_t(output_size_), T(0));
  if (weights.row) w.matrix.pack(row_products_, *weights.row, {{0, output_size_, params, input_size_}});
}

template <class T>
void Linear<T>::multiply(const LinearWeights<T>& w, const T* bias, const T* a, Index a_stride, Index rows, T* c,
                         Index c_stride) const {
  for (const auto& block : w.blocks)
    block.forward.multiply_from(products_, bias ? bias + block.first : nullptr, a, a_stride, rows, c + block.first, c_stride);
}

template <class T>
void Linear<T>::multiply_back(const LinearWeights<T>& w, const T* a, Index a_stride, Index rows, T* c, Index c_stride) const {
  for (const auto& block : w.blocks) block.backward.multiply(products_, a + block.first, a_stride, rows, c, c_stride);
}

template <class T>
void Linear<T>::add_gradient(const T* dy, Index dy_step, const T* x, Index x_step, Index rows, T* gradient, T* scratch) const {
  for (Index first = 0; first < output_size_;) {
    const Index left = output_size_ - first, count = left < 2 * block_rows ? left : block_rows;
    add_outer(products_, dy + first, dy_step, x, x_step, rows, count, input_size_, gradient + first * input_size_, input_size_,
              scratch);
    first += count;
  }
  if (bias_) reductions_.combine(nullptr, rows, dy, dy_step, output_size_, gradient + output_size_ * input_size_);
}

template <class T>
void Linear<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<PlainTape<T>&>(base);
  reserve_plain(tape, output_size_, backward);
  if (backward) tape.scratch.resize(std::size_t(outer_scratch()));
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
  multiply(w, w.bias.data(), tape.x + first * tape.x_stride, tape.x_stride, count, y, tape.y_stride);
}

template <class T>
void Linear<T>::tangent(const Weights<T>& weights, Tape<T>& tape, Levels levels) const {
  const auto& w = static_cast<const LinearWeights<T>&>(weights);
  const Index first = tape.in->first_node(levels.begin) * tape.seeds;
  const Index count = tape.in->first_node(levels.end) * tape.seeds - first;
  T* dy = tape.dy + first * tape.dy_stride;
  if (tape.dx)
    multiply(w, nullptr, tape.dx + first * tape.dx_stride, tape.dx_stride, count, dy, tape.dy_stride);
  else
    std::fill_n(dy, count * tape.dy_stride, T(0));
}

template <class T>
void Linear<T>::backward(const Weights<T>& weights, Tape<T>& tape, Levels levels) const {
  if (!tape.dx) return;
  const auto& w = static_cast<const LinearWeights<T>&>(weights);
  const Index first = tape.in->first_node(levels.begin) * tape.seeds;
  const Index count = tape.in->first_node(levels.end) * tape.seeds - first;
  multiply_back(w, tape.dy + first * tape.dy_stride, tape.dy_stride, count, tape.dx + first * tape.dx_stride, tape.dx_stride);
}

template <class T>
void Linear<T>::gradient(Tape<T>& base, Levels levels, GradientTarget<T> target) const {
  auto& tape = static_cast<PlainTape<T>&>(base);
  for_each_target(*tape.in, tape.seeds, levels, target, [&](const NodeSlice& nodes, T* gradient) {
    add_gradient(tape.dy + nodes.cotangent() * tape.dy_stride, nodes.cotangent_step() * tape.dy_stride,
                 tape.x + nodes.first * tape.x_stride, nodes.step * tape.x_stride, nodes.count, gradient, tape.scratch.data());
  });
}

template class Linear<float>;
template class Linear<double>;

}  // namespace recurra
