// Count: the number type that computes nothing and counts operations. Run on a cell it tells what its pointwise part costs.
//
// Each +, -, *, / counts one, and so does each elementary function and each comparison (with the choice that follows it: a
// maximum is one). Signs are free. What is known beforehand is not done: a product with 0 or 1, a sum with 0, an operation of
// constants.
#pragma once

#include <type_traits>

#include "isa.h"

namespace recurra {
inline namespace RECURRA_ISA {

class Count {
 public:
  Count() = default;
  template <class S, class = std::enable_if_t<std::is_arithmetic_v<S>>>
  Count(S constant) : constant_(double(constant)) {}
  // A number that is not known beforehand; what becomes of it is added to `operations`.
  static Count variable(int& operations) {
    Count result;
    result.operations_ = &operations;
    return result;
  }

  friend Count operator+(Count a, Count b) {
    if (a.is(0)) return b;
    if (b.is(0)) return a;
    return a.known() && b.known() ? Count(a.constant_ + b.constant_) : one(a, b);
  }
  friend Count operator-(Count a, Count b) { return a + -b; }
  friend Count operator*(Count a, Count b) {
    if (a.is(0) || b.is(0)) return {};
    if (a.is(1) || a.is(-1)) return a.is(1) ? b : -b;
    if (b.is(1) || b.is(-1)) return b.is(1) ? a : -a;
    return a.known() && b.known() ? Count(a.constant_ * b.constant_) : one(a, b);
  }
  friend Count operator/(Count a, Count b) {
    if (a.is(0)) return {};
    return b.known() ? a * Count(1 / b.constant_) : one(a, b);
  }
  friend Count operator-(Count a) { return a.known() ? Count(-a.constant_) : a; }
  friend Count operator<(Count a, Count b) { return one(a, b); }
  friend Count operator>(Count a, Count b) { return one(a, b); }
  friend Count select(Count condition, Count a, Count b) {
    if (a.known() && b.known()) return a.is(b.constant_) ? a : condition;
    return a.known() ? b : a;
  }
  friend Count exp(Count a) { return one(a, a); }
  friend Count expm1(Count a) { return one(a, a); }
  friend Count tanh(Count a) { return one(a, a); }
  friend Count sigmoid(Count a) { return one(a, a); }
  friend Count softplus(Count a) { return one(a, a); }
  friend Count sqrt(Count a) { return one(a, a); }
  friend Count sin(Count a) { return one(a, a); }
  friend Count cos(Count a) { return one(a, a); }

 private:
  bool known() const { return !operations_; }
  bool is(double value) const { return known() && constant_ == value; }
  static Count one(Count a, Count b) {
    const Count result = a.known() ? b : a;
    if (!result.known()) ++*result.operations_;
    return result;
  }

  double constant_ = 0;
  int* operations_ = nullptr;
};

}  // namespace RECURRA_ISA
}  // namespace recurra
