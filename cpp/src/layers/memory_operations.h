// The operations that memories are made of. Each function appends one to a step, and returns where its result stands.
#pragma once

#include "memory_step.h"

namespace recurra {

// Element by element. sharpness: 1 + softplus(x), for exponents; logarithm: log(max(x, 0) + 1e-12), for weightings, of which an
// element may be 0.
enum class Map { copy, complement, logistic, tanh, softplus, sharpness, logarithm };
template <class T>
Slot apply(MemoryStep<T>& step, Map function, Slot x, Slot y);
template <class T>
Slot apply(MemoryStep<T>& step, Map function, Slot x) {
  return apply(step, function, x, step.between(x.size));
}

// y = softmax(x), with the largest taken off first.
template <class T>
Slot softmax(MemoryStep<T>& step, Slot x, Slot y);

// A matrix [rows][width] in a slot.
struct MatrixSlot {
  Slot slot;
  Index width;
  Index rows() const { return slot.size / width; }
};

// y_i = 1 / sqrt(m_i . m_i + 1e-4) of the rows of a matrix: smooth at zero, where a cosine is not.
template <class T>
Slot inverse_norms(MemoryStep<T>& step, MatrixSlot m);
// y = m - (w e') * m: what a head erases.
template <class T>
void erase(MemoryStep<T>& step, MatrixSlot m, Slot w, Slot e, Slot y);

// Linear in each of two operands. They begin y anew, or add to it.
enum class Begin { anew, add };
template <class T>
Slot multiply(MemoryStep<T>& step, Slot a, Slot b);  // element by element
template <class T>
Slot scale(MemoryStep<T>& step, Slot number, Slot x, Slot y, Begin begin = Begin::anew);
template <class T>
Slot scale(MemoryStep<T>& step, Slot number, Slot x) {
  return scale(step, number, x, step.between(x.size));
}
// y_i = m_i . k
template <class T>
Slot match(MemoryStep<T>& step, MatrixSlot m, Slot k);
// y = sum_i w_i m_i
template <class T>
Slot read(MemoryStep<T>& step, MatrixSlot m, Slot w, Slot y);
// y += w a': what a head adds
template <class T>
void write(MemoryStep<T>& step, Slot w, Slot a, Slot y);
// y_i = sum_j s_j x_(i - j), j = -r .. r, around a circle; s has 2 r + 1 elements.
template <class T>
Slot rotate(MemoryStep<T>& step, Slot s, Slot x);
// A stack of cells after push, pop and no action, by their weights a: y_i = a_0 x_(i-1) + a_1 x_(i+1) + a_2 x_i, zeros beyond
// its ends.
template <class T>
Slot move(MemoryStep<T>& step, Slot a, MatrixSlot x, Slot y);

}  // namespace recurra
