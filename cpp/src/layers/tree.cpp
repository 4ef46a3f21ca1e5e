#include "tree.h"

#include <stdexcept>

#include "../topology/compiled_forest.h"
#include "aligned_vector.h"
#include "cell_layer.h"

namespace recurra {

namespace {

template <class T>
struct TreeTape : WrapperTape<T> {
  NodeMap map;                     // down: where a node of the network's schedule stands in the cell's
  AlignedVector<T> moved, dmoved;  // down: x in the cell's order
  std::size_t bytes() const override { return WrapperTape<T>::bytes() + bytes_of(map, moved, dmoved); }
};

const CompiledForest& forest_of(const CompiledTopology* topology) {
  if (!topology || topology->domain() != Domain::trees) throw std::logic_error("Tree: expected trees");
  return static_cast<const CompiledForest&>(*topology);
}

NodeMap from_up_to_down(const CompiledForest& forest) {
  NodeMap place(std::size_t(forest.num_nodes())), map;
  const std::vector<Index>& down = forest.down().node_of();
  for (std::size_t i = 0; i < down.size(); ++i) place[std::size_t(down[i])] = Index(i);
  for (const Index v : forest.up.node_of()) map.push_back(place[std::size_t(v)]);
  return map;
}

}  // namespace

template <class T>
void Tree<T>::check(const CompiledTopology& topology) const {
  const CompiledForest& forest = forest_of(&topology);
  static_cast<const CellLayer<T>&>(this->child(0)).check_nodes(down_ ? forest.down() : forest.up);
}

template <class T>
std::unique_ptr<Tape<T>> Tree<T>::make_tape() const {
  auto tape = std::make_unique<TreeTape<T>>();
  tape->children.push_back(this->child(0).make_tape());
  return tape;
}

template <class T>
void Tree<T>::reserve(Tape<T>& of, bool backward) const {
  auto& tape = static_cast<TreeTape<T>&>(of);
  Tape<T>& cell = this->tape(of, 0);
  if (!down_) {
    this->reserve_child(of, 0, of.x, of.x_stride, backward);
    of.y = cell.y;
    of.dy = cell.dy;
    of.y_stride = cell.y_stride;
    of.dy_stride = cell.dy_stride;
    return;
  }
  const CompiledForest& forest = forest_of(of.topology);
  tape.map = from_up_to_down(forest);
  tape.moved.resize(tape.map.size() * std::size_t(input_size()));
  tape.dmoved.resize(backward ? tape.moved.size() : 0);
  reserve_plain(tape, output_size(), backward);
  cell.in = cell.out = &forest.down();
  cell.seeds = 1;
  cell.x = tape.moved.data();
  cell.x_stride = input_size();
  this->child(0).reserve(cell, backward);
}

template <class T>
void Tree<T>::forward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  auto& tape = static_cast<TreeTape<T>&>(of);
  Tape<T>& cell = this->tape(of, 0);
  if (!down_) {
    this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
    return this->child(0).forward(this->weights(w, 0), cell, levels);
  }
  this->link(of, 0, tape.moved.data(), input_size(), of.dx ? tape.dmoved.data() : nullptr, input_size());
  for_each_row(tape.map, 1, [&](Index row, Index moved) {
    std::copy_n(of.x + row * of.x_stride, input_size(), tape.moved.data() + moved * input_size());
  });
  this->child(0).forward(this->weights(w, 0), cell, cell.in->all_levels());
  for_each_row(tape.map, 1, [&](Index row, Index moved) {
    std::copy_n(cell.y + moved * cell.y_stride, output_size(), of.y + row * of.y_stride);
  });
}

template <class T>
void Tree<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const {
  throw std::logic_error("Tree: tangents are for sequences");
}

template <class T>
void Tree<T>::clear_cotangents(Tape<T>& of) const {
  if (down_) clear_plain(of);
  this->child(0).clear_cotangents(this->tape(of, 0));
}

template <class T>
void Tree<T>::backward(const Weights<T>& w, Tape<T>& of, Levels levels) const {
  auto& tape = static_cast<TreeTape<T>&>(of);
  Tape<T>& cell = this->tape(of, 0);
  if (!down_) {
    this->link(of, 0, of.x, of.x_stride, of.dx, of.dx_stride);
    return this->child(0).backward(this->weights(w, 0), cell, levels);
  }
  this->link(of, 0, tape.moved.data(), input_size(), of.dx ? tape.dmoved.data() : nullptr, input_size());
  for_each_row(tape.map, 1, [&](Index row, Index moved) {
    for (Index j = 0; j < output_size(); ++j) cell.dy[moved * cell.dy_stride + j] += of.dy[row * of.dy_stride + j];
  });
  std::fill(tape.dmoved.begin(), tape.dmoved.end(), T(0));
  this->child(0).backward(this->weights(w, 0), cell, cell.in->all_levels());
  if (!of.dx) return;
  for_each_row(tape.map, 1, [&](Index row, Index moved) {
    for (Index j = 0; j < input_size(); ++j) of.dx[row * of.dx_stride + j] += tape.dmoved[std::size_t(moved * input_size() + j)];
  });
}

template <class T>
void Tree<T>::gradient(Tape<T>& of, Levels levels, GradientTarget<T> target) const {
  Tape<T>& cell = this->tape(of, 0);
  this->child(0).gradient(cell, down_ ? cell.in->all_levels() : levels, target);
}

template class Tree<float>;
template class Tree<double>;

}  // namespace recurra
