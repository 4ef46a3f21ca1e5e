// The step of an external memory, as a list of differentiable operations on vectors. Each operation is written once, with its
// value, its tangent and its cotangent; a memory is its equations in these, and the layer around it (external_memory.h) runs
// the list forwards, along a tangent, or backwards.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layer.h"

namespace recurra {

// Where a vector lies: in the state before the step or after it, among what the controller emits, among what stands between, or
// in what is read and leaves.
enum class Region { past, state, emitted, inner, read };
inline constexpr int num_regions = 5;

struct Slot {
  Region region;
  Index at, size;
  Slot part(Index from, Index count) const { return {region, at + from, count}; }
};

// The regions of one row: of values, tangents or cotangents.
template <class T>
struct Regions {
  T* base[num_regions];
  T* operator[](const Slot& slot) const { return base[int(slot.region)] + slot.at; }
};

// y = f(x, ..). Each writes its own slot, or adds to one that an earlier operation has written.
template <class T>
class Operation {
 public:
  virtual ~Operation() = default;
  virtual void forward(const Regions<T>& value) const = 0;
  // The tangents of the operands -> that of y.
  virtual void tangent(const Regions<T>& value, const Regions<T>& tangent) const = 0;
  // The cotangent of y -> added to those of the operands.
  virtual void backward(const Regions<T>& value, const Regions<T>& cotangent) const = 0;
  virtual double multiply_adds() const { return 0; }
};

// The state before the first step, block by block: a number everywhere, but 1 in the first of every `period` elements (0:
// nowhere).
template <class T>
struct StateStart {
  Index size;
  T value;
  Index period;
};

// What can be looked at after a step.
struct NamedSlot {
  std::string name;
  Slot slot;
};

template <class T>
struct MemoryStep {
  std::vector<std::unique_ptr<Operation<T>>> operations;  // in order
  std::vector<StateSpec> state;
  std::vector<StateStart<T>> start;
  Index state_size = 0, emitted = 0, inner = 0, read = 0;
  std::vector<NamedSlot> signals;

  // A block of the state, as it is before the step; `after` is where it is written.
  Slot remember(const std::string& name, Index size, T value, Index period = 0) {
    state.push_back({name, size});
    start.push_back({size, value, period});
    return take(Region::past, state_size, size);
  }
  static Slot after(const Slot& past) { return {Region::state, past.at, past.size}; }
  Slot emit(Index size) { return take(Region::emitted, emitted, size); }
  Slot between(Index size) { return take(Region::inner, inner, size); }
  Slot leave(Index size) { return take(Region::read, read, size); }

 private:
  static Slot take(Region region, Index& end, Index size) {
    const Slot slot{region, end, size};
    end += size;
    return slot;
  }
};

}  // namespace recurra
