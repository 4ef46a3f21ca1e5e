// Operations that are linear in each of two operands: one function adds to y, and two more to the operands' cotangents. A
// tangent is the first of these twice.
#pragma once

#include <algorithm>

#include "memory_operations.h"

namespace recurra {

// Add has add(a, b, y), add_a(dy, b, da) and add_b(dy, a, db).
template <class T, class Add>
class Bilinear final : public Operation<T> {
 public:
  Bilinear(Slot a, Slot b, Slot y, Begin begin, Add add) : a_(a), b_(b), y_(y), begin_(begin), add_(std::move(add)) {}
  void forward(const Regions<T>& v) const override {
    start(v);
    add_.add(v[a_], v[b_], v[y_]);
  }
  void tangent(const Regions<T>& v, const Regions<T>& d) const override {
    start(d);
    add_.add(d[a_], v[b_], d[y_]);
    add_.add(v[a_], d[b_], d[y_]);
  }
  void backward(const Regions<T>& v, const Regions<T>& d) const override {
    add_.add_a(d[y_], v[b_], d[a_]);
    add_.add_b(d[y_], v[a_], d[b_]);
  }
  double multiply_adds() const override { return add_.multiply_adds(); }

 private:
  void start(const Regions<T>& of) const {
    if (begin_ == Begin::anew) std::fill_n(of[y_], y_.size, T(0));
  }
  Slot a_, b_, y_;
  Begin begin_;
  Add add_;
};

template <class T, class Add>
Slot append_bilinear(MemoryStep<T>& step, Slot a, Slot b, Slot y, Add add, Begin begin = Begin::anew) {
  step.operations.push_back(std::make_unique<Bilinear<T, Add>>(a, b, y, begin, std::move(add)));
  return y;
}

}  // namespace recurra
