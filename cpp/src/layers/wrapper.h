// A layer made of layers: what Chain, Residual, Skip, Bidirectional, Feedback, EncoderDecoder, Tree,
// GraphNet and Messages share. Parameters and states of
// a child carry its name.
#pragma once

#include "layer.h"

namespace recurra {

template <class T>
struct Child {
  std::string name;  // "0." or "reverse."; what the names of its parameters and states begin with
  std::unique_ptr<Layer<T>> layer;
};

template <class T>
struct WrapperWeights : Weights<T> {
  std::vector<std::unique_ptr<Weights<T>>> children;
  std::size_t bytes() const override;
};

template <class T>
struct WrapperTape : PlainTape<T> {
  std::vector<std::unique_ptr<Tape<T>>> children;
  std::size_t bytes() const override;
};

template <class T>
class Wrapper : public Layer<T> {
 public:
  explicit Wrapper(std::vector<Child<T>> children);

  Domain domain() const override;
  bool needs_time() const override;
  bool looks_ahead() const override;
  std::vector<Index> feedbacks() const override;
  void check(const CompiledTopology&) const override;
  std::vector<ParameterSpec> parameters() const override;
  std::vector<StateSpec> state() const override;
  Work work(bool gives_dx) const override;
  std::vector<Part<T>> parts(bool gives_dx) const override;
  std::unique_ptr<Weights<T>> make_weights() const override;
  void refresh(const T* params, Weights<T>&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override;
  void initial_state(const T* params, T* to) const override;
  void load_state(Tape<T>&, Index sequence, const T* from) const override;
  void save_state(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void save_cotangent(Tape<T>&, Index level, Index sequence, Index seed, T* to) const override;
  void add_cotangent(Tape<T>&, Index level, Index sequence, Index seed, const T* from) const override;
  std::vector<StateSpec> signals() const override;
  void save_signals(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void carry(Tape<T>&, Index level) const override;
  void observe(Tape<T>&, Index sequence, const T* seen) const override;
  void clear_cotangents(Tape<T>&) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;
  void initial_gradient(Tape<T>&, GradientTarget<T>) const override;

 protected:
  // Sets the pace of a child, and whether somebody asks for its dx, where these are not the layer's own.
  virtual void place(std::size_t i, Part<T>& part) const { (void)i, (void)part; }
  std::size_t size() const { return children_.size(); }
  const Layer<T>& child(std::size_t i) const { return *children_[i].layer; }
  static const Weights<T>& weights(const Weights<T>& of, std::size_t i) {
    return *static_cast<const WrapperWeights<T>&>(of).children[i];
  }
  static Tape<T>& tape(Tape<T>& of, std::size_t i) { return *static_cast<WrapperTape<T>&>(of).children[i]; }
  Index parameter_offset(std::size_t i) const { return parameter_offset_[i]; }
  // Lays out a child's tape on this input; its cotangents are wanted in dx. Repeated before each sweep by `link`.
  void reserve_child(Tape<T>& of, std::size_t i, const T* x, Index x_stride, bool backward) const;
  static void link(Tape<T>& of, std::size_t i, const T* x, Index x_stride, T* dx, Index dx_stride);

 private:
  std::vector<Child<T>> children_;
  std::vector<Index> parameter_offset_{0}, state_offset_{0};
};

}  // namespace recurra
