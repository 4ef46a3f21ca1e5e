// Operations of one operand: functions element by element, and the softmax.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "memory_operations.h"

namespace recurra {

namespace {

template <class T>
struct Copy {
  static T value(T x) { return x; }
  static T slope(T, T) { return 1; }
};
template <class T>
struct Complement {
  static T value(T x) { return 1 - x; }
  static T slope(T, T) { return -1; }
};
template <class T>
struct Logistic {
  static T value(T x) { return 1 / (1 + std::exp(-x)); }
  static T slope(T, T y) { return y * (1 - y); }
};
template <class T>
struct Tanh {
  static T value(T x) { return std::tanh(x); }
  static T slope(T, T y) { return 1 - y * y; }
};
template <class T>
struct Softplus {
  static T value(T x) { return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x))); }
  static T slope(T x, T) { return Logistic<T>::value(x); }
};
template <class T>
struct Sharpness {
  static T value(T x) { return 1 + Softplus<T>::value(x); }
  static T slope(T x, T) { return Logistic<T>::value(x); }
};
template <class T>
struct Logarithm {
  static constexpr T least = T(1e-12);
  static T value(T x) { return std::log(std::max(x, T(0)) + least); }
  static T slope(T x, T) { return x > 0 ? 1 / (x + least) : T(0); }
};

template <class T, template <class> class F>
class Mapped final : public Operation<T> {
 public:
  Mapped(Slot x, Slot y) : x_(x), y_(y) {}
  void forward(const Regions<T>& v) const override {
    const T* x = v[x_];
    T* y = v[y_];
    for (Index i = 0; i < y_.size; ++i) y[i] = F<T>::value(x[i]);
  }
  void tangent(const Regions<T>& v, const Regions<T>& d) const override {
    const T *x = v[x_], *y = v[y_], *dx = d[x_];
    T* dy = d[y_];
    for (Index i = 0; i < y_.size; ++i) dy[i] = dx[i] * F<T>::slope(x[i], y[i]);
  }
  void backward(const Regions<T>& v, const Regions<T>& d) const override {
    const T *x = v[x_], *y = v[y_], *dy = d[y_];
    T* dx = d[x_];
    for (Index i = 0; i < y_.size; ++i) dx[i] += dy[i] * F<T>::slope(x[i], y[i]);
  }

 private:
  Slot x_, y_;
};

template <template <class> class F, class T>
Slot append(MemoryStep<T>& step, Slot x, Slot y) {
  step.operations.push_back(std::make_unique<Mapped<T, F>>(x, y));
  return y;
}

template <class T>
class Softmax final : public Operation<T> {
 public:
  Softmax(Slot x, Slot y) : x_(x), y_(y) {}
  void forward(const Regions<T>& v) const override {
    const T* x = v[x_];
    T* y = v[y_];
    const T largest = *std::max_element(x, x + x_.size);
    T sum = 0;
    for (Index i = 0; i < x_.size; ++i) sum += y[i] = std::exp(x[i] - largest);
    for (Index i = 0; i < x_.size; ++i) y[i] /= sum;
  }
  void tangent(const Regions<T>& v, const Regions<T>& d) const override {  // its Jacobian is symmetric
    std::fill_n(d[y_], y_.size, T(0));
    add(v[y_], d[x_], d[y_]);
  }
  void backward(const Regions<T>& v, const Regions<T>& d) const override { add(v[y_], d[y_], d[x_]); }

 private:
  void add(const T* y, const T* from, T* to) const {
    T mean = 0;
    for (Index i = 0; i < y_.size; ++i) mean += y[i] * from[i];
    for (Index i = 0; i < y_.size; ++i) to[i] += y[i] * (from[i] - mean);
  }
  Slot x_, y_;
};

}  // namespace

template <class T>
Slot apply(MemoryStep<T>& step, Map function, Slot x, Slot y) {
  switch (function) {
    case Map::copy: return append<Copy>(step, x, y);
    case Map::complement: return append<Complement>(step, x, y);
    case Map::logistic: return append<Logistic>(step, x, y);
    case Map::tanh: return append<Tanh>(step, x, y);
    case Map::softplus: return append<Softplus>(step, x, y);
    case Map::sharpness: return append<Sharpness>(step, x, y);
    case Map::logarithm: return append<Logarithm>(step, x, y);
  }
  throw std::logic_error("apply: an unknown function");
}

template <class T>
Slot softmax(MemoryStep<T>& step, Slot x, Slot y) {
  step.operations.push_back(std::make_unique<Softmax<T>>(x, y));
  return y;
}

#define RECURRA_INSTANTIATE(T)                          \
  template Slot apply(MemoryStep<T>&, Map, Slot, Slot); \
  template Slot softmax(MemoryStep<T>&, Slot, Slot);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
