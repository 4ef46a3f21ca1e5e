// Stacks of vectors, S[0] on top, that are pushed, popped and left alone all at once, by weights:
//   a = softmax(A x)  (push, pop, no action),   v = sigmoid(D x)
//   S'[0] = a_push v + a_pop S[1] + a_none S[0],   S'[i] = a_push S[i-1] + a_pop S[i+1] + a_none S[i],   r = S'[0]
// Below the last cell are zeros: what is pushed beyond the depth is lost, and an empty stack reads zero.
// A. Joulin, T. Mikolov, Inferring algorithmic patterns with stack-augmented recurrent nets, NIPS 2015.
#include "../backends/select.h"
#include "external_memory.h"
#include "linear.h"
#include "memory_layers.h"
#include "memory_operations.h"

namespace recurra {

namespace {

template <class T>
MemoryStep<T> stack_step(Index stacks, Index depth, Index width) {
  enum { push, actions = 3 };
  MemoryStep<T> step;
  const Slot all = step.remember("stack", stacks * depth * width, T(0));
  const Slot weights = step.between(stacks * actions);
  for (Index k = 0; k < stacks; ++k) {
    const Slot a = softmax(step, step.emit(actions), weights.part(k * actions, actions));
    const Slot v = apply(step, Map::logistic, step.emit(width));
    const Slot past = all.part(k * depth * width, depth * width), after = step.after(past), top = after.part(0, width);
    move(step, a, MatrixSlot{past, width}, after);
    scale(step, a.part(push, 1), v, top, Begin::add);
    apply(step, Map::copy, top, step.leave(width));
  }
  step.signals = {{"gate.actions", weights}, {"state.stack", step.after(all)}};
  return step;
}

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> stack_memory(Context& c) {
  const Index inputs = c.known_features(), depth = c.options.size("depth"), width = c.options.size("width");
  const Index stacks = c.options.size("stacks", 1), most_stacks = 16;
  if (stacks > most_stacks)
    c.options.fail("has stacks = " + std::to_string(stacks) + ", expected at most " + std::to_string(most_stacks));
  c.options.check_no_children();
  c.options.check_product({stacks, depth, width});
  c.options.check_product({stacks, width + 3, inputs});
  MemoryStep<T> step = stack_step<T>(stacks, depth, width);
  std::vector<Child<T>> interface;
  interface.push_back({"interface.", std::make_unique<Linear<T>>(kernels<T>(backend()), inputs, step.emitted)});
  return std::make_unique<ExternalMemory<T>>(std::move(interface), std::move(step));
}

template std::unique_ptr<Layer<float>> stack_memory<float>(Context&);
template std::unique_ptr<Layer<double>> stack_memory<double>(Context&);

}  // namespace recurra
