// Products of vectors, and of a memory and a vector. The latter are the kernels that gather along edges: a target whose edges are
// the rows of a matrix.
#include "../backends/select.h"
#include "memory_bilinear.h"

namespace recurra {

namespace {

template <class T>
struct Multiply {
  Index size;
  void add(const T* a, const T* b, T* y) const {
    for (Index i = 0; i < size; ++i) y[i] += a[i] * b[i];
  }
  void add_a(const T* dy, const T* b, T* da) const { add(dy, b, da); }
  void add_b(const T* dy, const T* a, T* db) const { add(dy, a, db); }
  double multiply_adds() const { return 0; }
};

template <class T>
struct Scale {
  Index size;
  void add(const T* number, const T* x, T* y) const {
    for (Index i = 0; i < size; ++i) y[i] += *number * x[i];
  }
  void add_a(const T* dy, const T* x, T* dnumber) const {
    for (Index i = 0; i < size; ++i) *dnumber += dy[i] * x[i];
  }
  void add_b(const T* dy, const T* number, T* dx) const { add(number, dy, dx); }
  double multiply_adds() const { return 0; }
};

// The three products of a matrix m, a vector k as wide as a row, and one w with an element per row.
template <class T>
struct RowsOf {
  const Gathers<T>& gathers;
  Index rows, width;
  Index edges[2]{0, rows};
  EdgeTerms<T> terms(const T* w) const { return {1, edges, nullptr, 1, width, nullptr, w}; }
  void dots(const T* m, const T* k, T* w) const { gathers.dots(terms(nullptr), m, width, k, width, w); }  // w += m k
  void sum(const T* m, const T* w, T* k) const { gathers.sum(terms(w), m, width, k, width); }             // k += m' w
  void outer(const T* w, const T* k, T* m) const { gathers.sum_back(terms(w), k, width, m, width); }      // m += w k'
  double multiply_adds() const { return double(rows) * double(width); }
};

template <class T>
struct Match : RowsOf<T> {
  void add(const T* m, const T* k, T* y) const { this->dots(m, k, y); }
  void add_a(const T* dy, const T* k, T* dm) const { this->outer(dy, k, dm); }
  void add_b(const T* dy, const T* m, T* dk) const { this->sum(m, dy, dk); }
};

template <class T>
struct Read : RowsOf<T> {
  void add(const T* m, const T* w, T* y) const { this->sum(m, w, y); }
  void add_a(const T* dy, const T* w, T* dm) const { this->outer(w, dy, dm); }
  void add_b(const T* dy, const T* m, T* dw) const { this->dots(m, dy, dw); }
};

template <class T>
struct Write : RowsOf<T> {
  void add(const T* w, const T* a, T* y) const { this->outer(w, a, y); }
  void add_a(const T* dy, const T* a, T* dw) const { this->dots(dy, a, dw); }
  void add_b(const T* dy, const T* w, T* da) const { this->sum(dy, w, da); }
};

template <class T>
RowsOf<T> rows_of(Index rows, Index width) {
  return {kernels<T>(backend()).gathers, rows, width};
}

}  // namespace

template <class T>
Slot multiply(MemoryStep<T>& step, Slot a, Slot b) {
  return append_bilinear(step, a, b, step.between(a.size), Multiply<T>{a.size});
}

template <class T>
Slot scale(MemoryStep<T>& step, Slot number, Slot x, Slot y, Begin begin) {
  return append_bilinear(step, number, x, y, Scale<T>{x.size}, begin);
}

template <class T>
Slot match(MemoryStep<T>& step, MatrixSlot m, Slot k) {
  return append_bilinear(step, m.slot, k, step.between(m.rows()), Match<T>{rows_of<T>(m.rows(), m.width)});
}

template <class T>
Slot read(MemoryStep<T>& step, MatrixSlot m, Slot w, Slot y) {
  return append_bilinear(step, m.slot, w, y, Read<T>{rows_of<T>(m.rows(), m.width)});
}

template <class T>
void write(MemoryStep<T>& step, Slot w, Slot a, Slot y) {
  append_bilinear(step, w, a, y, Write<T>{rows_of<T>(w.size, a.size)}, Begin::add);
}

#define RECURRA_INSTANTIATE(T)                                  \
  template Slot multiply(MemoryStep<T>&, Slot, Slot);           \
  template Slot scale(MemoryStep<T>&, Slot, Slot, Slot, Begin); \
  template Slot match(MemoryStep<T>&, MatrixSlot, Slot);        \
  template Slot read(MemoryStep<T>&, MatrixSlot, Slot, Slot);   \
  template void write(MemoryStep<T>&, Slot, Slot, Slot);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
