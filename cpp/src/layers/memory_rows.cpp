// Operations on the rows of a memory that are no products of two operands.
#include <cmath>

#include "memory_operations.h"

namespace recurra {

namespace {

// Sums with several terms under way: one chain of additions waits for itself.
template <class T, class Term>
T sum_of(Index count, const Term& term) {
  constexpr Index ways = 8;
  T part[ways] = {};
  Index i = 0;
  for (; i + ways <= count; i += ways)
    for (Index k = 0; k < ways; ++k) part[k] += term(i + k);
  T sum = ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
  for (; i < count; ++i) sum += term(i);
  return sum;
}

template <class T>
class InverseNorms final : public Operation<T> {
 public:
  static constexpr T least = T(1e-4);
  InverseNorms(MatrixSlot m, Slot y) : m_(m), y_(y) {}
  void forward(const Regions<T>& v) const override {
    const T* m = v[m_.slot];
    for (Index r = 0; r < y_.size; ++r, m += m_.width)
      v[y_][r] = 1 / std::sqrt(least + sum_of<T>(m_.width, [&](Index j) { return m[j] * m[j]; }));
  }
  void tangent(const Regions<T>& v, const Regions<T>& d) const override {
    const T *m = v[m_.slot], *dm = d[m_.slot];
    for (Index r = 0; r < y_.size; ++r, m += m_.width, dm += m_.width)
      d[y_][r] = -cube(v[y_][r]) * sum_of<T>(m_.width, [&](Index j) { return m[j] * dm[j]; });
  }
  void backward(const Regions<T>& v, const Regions<T>& d) const override {
    const T* m = v[m_.slot];
    T* dm = d[m_.slot];
    for (Index r = 0; r < y_.size; ++r, m += m_.width, dm += m_.width) {
      const T factor = -cube(v[y_][r]) * d[y_][r];
      for (Index j = 0; j < m_.width; ++j) dm[j] += factor * m[j];
    }
  }
  double multiply_adds() const override { return double(m_.slot.size); }

 private:
  static T cube(T x) { return x * x * x; }
  MatrixSlot m_;
  Slot y_;
};

template <class T>
class Erase final : public Operation<T> {
 public:
  Erase(MatrixSlot m, Slot w, Slot e, Slot y) : m_(m), w_(w), e_(e), y_(y) {}
  void forward(const Regions<T>& v) const override {
    for_each_row([&](Index r, Index at) {
      const T *m = v[m_.slot] + at, *e = v[e_], w = v[w_][r];
      T* y = v[y_] + at;
      for (Index j = 0; j < m_.width; ++j) y[j] = m[j] - m[j] * (w * e[j]);
    });
  }
  void tangent(const Regions<T>& v, const Regions<T>& d) const override {
    for_each_row([&](Index r, Index at) {
      const T *m = v[m_.slot] + at, *e = v[e_], w = v[w_][r];
      const T *dm = d[m_.slot] + at, *de = d[e_], dw = d[w_][r];
      T* dy = d[y_] + at;
      for (Index j = 0; j < m_.width; ++j) dy[j] = dm[j] * (1 - w * e[j]) - m[j] * (dw * e[j] + w * de[j]);
    });
  }
  void backward(const Regions<T>& v, const Regions<T>& d) const override {
    for_each_row([&](Index r, Index at) {
      const T *m = v[m_.slot] + at, *e = v[e_], *dy = d[y_] + at, w = v[w_][r];
      T *dm = d[m_.slot] + at, *de = d[e_];
      for (Index j = 0; j < m_.width; ++j) dm[j] += dy[j] * (1 - w * e[j]);
      for (Index j = 0; j < m_.width; ++j) de[j] -= w * (dy[j] * m[j]);
      d[w_][r] -= sum_of<T>(m_.width, [&](Index j) { return dy[j] * m[j] * e[j]; });
    });
  }
  double multiply_adds() const override { return 2 * double(m_.slot.size); }

 private:
  template <class Visit>
  void for_each_row(const Visit& visit) const {
    for (Index r = 0; r < m_.rows(); ++r) visit(r, r * m_.width);
  }
  MatrixSlot m_;
  Slot w_, e_, y_;
};

}  // namespace

template <class T>
Slot inverse_norms(MemoryStep<T>& step, MatrixSlot m) {
  const Slot y = step.between(m.rows());
  step.operations.push_back(std::make_unique<InverseNorms<T>>(m, y));
  return y;
}

template <class T>
void erase(MemoryStep<T>& step, MatrixSlot m, Slot w, Slot e, Slot y) {
  step.operations.push_back(std::make_unique<Erase<T>>(m, w, e, y));
}

#define RECURRA_INSTANTIATE(T)                             \
  template Slot inverse_norms(MemoryStep<T>&, MatrixSlot); \
  template void erase(MemoryStep<T>&, MatrixSlot, Slot, Slot, Slot);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
