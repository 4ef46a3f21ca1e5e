// A cell over the nodes of trees: up, from the leaves to the roots, each node reads from its children; down, each reads from the
// node above it. K. S. Tai, R. Socher, C. D. Manning, Improved semantic representations from tree-structured long short-term
// memory networks, ACL 2015. What a node does with its children is the cell layer's affair (cell_tree.cpp).
#pragma once

#include "node_map.h"
#include "wrapper.h"

namespace recurra {

// The only child is the cell. Down, it has a schedule of its own, and reads and writes rows in the order of that.
template <class T>
class Tree final : public Wrapper<T> {
 public:
  Tree(std::vector<Child<T>> cell, bool down) : Wrapper<T>(std::move(cell)), down_(down) {}
  Index input_size() const override { return this->child(0).input_size(); }
  Index output_size() const override { return this->child(0).output_size(); }
  bool looks_ahead() const override { return down_; }
  void check(const CompiledTopology&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;

 protected:
  void place(std::size_t, Part<T>& part) const override { part.pace.below = down_ ? Per::above : Per::below; }

 private:
  bool down_;
};

}  // namespace recurra
