// The memory of a neural Turing machine: locations m_i, and heads whose weightings w over them move by content and by place.
// Of each head the controller emits a key k = tanh(..), its strength beta = softplus(..), a gate g = sigmoid(..), shifts s =
// softmax(..) and a sharpness gamma = 1 + softplus(..); of a writing one also e = sigmoid(..) and a = tanh(..):
//   w_c = softmax_i(beta cos(k, m_i)),   w_g = g w_c + (1 - g) w-,   w~_i = sum_j s_j w_g,(i - j),   w_i = w~_i^gamma / sum ..
//   m_i' = m_i prod_h (1 - w_h,i e_h) + sum_h w_h,i a_h,   r = sum_i w_i m_i'
// All heads find their places in the memory before the step, and read what it is after it.
// A. Graves, G. Wayne, I. Danihelka, Neural Turing machines, 2014. Keys and additions pass tanh and the memory starts with the
// constant 1e-6, as in M. Collier, J. Beel, Implementing neural Turing machines, ICANN 2018; the heads start at place 0. Powers
// are taken in logarithms, and a cosine is k.m / sqrt((k.k + 1e-4)(m.m + 1e-4)).
#include <algorithm>

#include "../backends/select.h"
#include "external_memory.h"
#include "linear.h"
#include "memory_layers.h"
#include "memory_operations.h"

namespace recurra {

namespace {

struct NtmSizes {
  Index locations, width, read_heads, write_heads, shift;
  Index taps() const { return 2 * shift + 1; }
};

// The memory before the step, and 1 / |m_i|.
struct Looked {
  MatrixSlot memory;
  Slot inverse_norms;
};

// Where a head goes: w- -> w.
template <class T>
void address(MemoryStep<T>& step, const Looked& looked, Slot past, Index taps) {
  const Slot key = apply(step, Map::tanh, step.emit(looked.memory.width));
  const Slot strength = apply(step, Map::softplus, step.emit(1));
  const Slot gate = apply(step, Map::logistic, step.emit(1));
  const Slot shifts = softmax(step, step.emit(taps), step.between(taps));
  const Slot sharpness = apply(step, Map::sharpness, step.emit(1));

  const Slot dots = multiply(step, match(step, looked.memory, key), looked.inverse_norms);
  const Slot key_norm = inverse_norms(step, MatrixSlot{key, key.size});
  const Slot score = scale(step, multiply(step, strength, key_norm), dots);
  const Slot content = softmax(step, score, step.between(past.size));

  const Slot gated = scale(step, gate, content);
  scale(step, apply(step, Map::complement, gate), past, gated, Begin::add);
  const Slot shifted = rotate(step, shifts, gated);
  softmax(step, scale(step, sharpness, apply(step, Map::logarithm, shifted)), step.after(past));
}

// A block of weightings, a head after the other, all at place 0.
template <class T>
std::vector<Slot> weightings(MemoryStep<T>& step, const std::string& name, Index heads, Index locations) {
  const Slot all = step.remember(name, heads * locations, T(0), locations);
  std::vector<Slot> each;
  for (Index h = 0; h < heads; ++h) each.push_back(all.part(h * locations, locations));
  step.signals.push_back({"state." + name, step.after(all)});
  return each;
}

template <class T>
MemoryStep<T> ntm_step(const NtmSizes& sizes) {
  MemoryStep<T> step;
  const MatrixSlot memory{step.remember("memory", sizes.locations * sizes.width, T(1e-6)), sizes.width};
  const std::vector<Slot> reading = weightings(step, "read_weighting", sizes.read_heads, sizes.locations);
  const std::vector<Slot> writing = weightings(step, "write_weighting", sizes.write_heads, sizes.locations);
  const Looked looked{memory, inverse_norms(step, memory)};
  for (const Slot& past : writing) address(step, looked, past, sizes.taps());
  for (const Slot& past : reading) address(step, looked, past, sizes.taps());

  const MatrixSlot after{step.after(memory.slot), sizes.width};
  MatrixSlot kept = memory;  // all heads erase, then all add
  for (std::size_t h = 0; h < writing.size(); ++h) {
    const Slot to = h + 1 < writing.size() ? step.between(memory.slot.size) : after.slot;
    erase(step, kept, step.after(writing[h]), apply(step, Map::logistic, step.emit(sizes.width)), to);
    kept.slot = to;
  }
  for (const Slot& past : writing) write(step, step.after(past), apply(step, Map::tanh, step.emit(sizes.width)), after.slot);
  for (const Slot& past : reading) read(step, after, step.after(past), step.leave(sizes.width));
  step.signals.push_back({"state.memory", after.slot});
  return step;
}

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> ntm_memory(Context& c) {
  const Index inputs = c.known_features(), most_heads = 8;
  const NtmSizes sizes{c.options.size("locations"), c.options.size("width"), c.options.size("read_heads", 1),
                       c.options.size("write_heads", 1), c.options.size("shift", 1)};
  if (std::max(sizes.read_heads, sizes.write_heads) > most_heads)
    c.options.fail("has " + std::to_string(std::max(sizes.read_heads, sizes.write_heads)) +
                   " heads of one kind, expected at most " + std::to_string(most_heads));
  c.options.check_no_children();
  if (sizes.shift > (sizes.locations - 1) / 2)
    c.options.fail("has shift = " + std::to_string(sizes.shift) +
                   ", expected at most (locations - 1) / 2 = " + std::to_string((sizes.locations - 1) / 2));
  c.options.check_product({sizes.read_heads + sizes.write_heads, sizes.locations, sizes.width});
  c.options.check_product({sizes.read_heads + sizes.write_heads, 3 * sizes.width + 3 + sizes.taps(), inputs});
  MemoryStep<T> step = ntm_step<T>(sizes);
  std::vector<Child<T>> interface;
  interface.push_back({"interface.", std::make_unique<Linear<T>>(kernels<T>(backend()), inputs, step.emitted)});
  return std::make_unique<ExternalMemory<T>>(std::move(interface), std::move(step));
}

template std::unique_ptr<Layer<float>> ntm_memory<float>(Context&);
template std::unique_ptr<Layer<double>> ntm_memory<double>(Context&);

}  // namespace recurra
