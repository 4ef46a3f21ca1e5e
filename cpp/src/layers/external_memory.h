// An external memory behind its controller: y_t = [x_t, r_t]. x_t is the controller's output; an affine map of it, the
// interface, emits what the memory is told to do, and r_t is what was read after that. Inside a Feedback that feeds back r alone
// the controller sees at the next step what it has read. What a memory does in a step is a MemoryStep (memory_step.h).
#pragma once

#include "memory_step.h"
#include "wrapper.h"

namespace recurra {

template <class T>
class ExternalMemory final : public Wrapper<T> {
 public:
  // `interface`: the map from the controller's output, step.emitted wide.
  ExternalMemory(std::vector<Child<T>> interface, MemoryStep<T> step)
      : Wrapper<T>(std::move(interface)), step_(std::move(step)) {}
  Index input_size() const override { return this->child(0).input_size(); }
  Index output_size() const override { return input_size() + step_.read; }
  Domain domain() const override { return Domain::time; }
  bool needs_time() const override { return true; }
  std::vector<StateSpec> state() const override { return step_.state; }
  std::vector<StateSpec> signals() const override;
  std::vector<Part<T>> parts(bool) const override { return {}; }  // the interface is its own affair
  Work work(bool gives_dx) const override;
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void initial_state(const T* params, T* to) const override;
  void load_state(Tape<T>&, Index sequence, const T* from) const override;
  void save_state(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void save_cotangent(Tape<T>&, Index level, Index sequence, Index seed, T* to) const override;
  void add_cotangent(Tape<T>&, Index level, Index sequence, Index seed, const T* from) const override;
  void save_signals(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void carry(Tape<T>&, Index level) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

 private:
  Index state_size() const { return step_.state_size; }
  Regions<T> values(Tape<T>&, Index level, Index sequence) const;
  Regions<T> cotangents(Tape<T>&, Index level, Index sequence, Index seed) const;

  MemoryStep<T> step_;
};

}  // namespace recurra
