// Weighted sums of a vector and of the same, moved: heads that shift, stacks that are pushed and popped.
#include "memory_bilinear.h"

namespace recurra {

namespace {

// Runs has for_each_run(visit), which calls visit(k, from, to, count) for the elements that move together with weight k.
template <class T, class Runs>
struct Moved : Runs {
  void add(const T* weight, const T* x, T* y) const {
    this->for_each_run([&](Index k, Index from, Index to, Index count) {
      for (Index i = 0; i < count; ++i) y[to + i] += weight[k] * x[from + i];
    });
  }
  void add_a(const T* dy, const T* x, T* dweight) const {
    this->for_each_run([&](Index k, Index from, Index to, Index count) {
      for (Index i = 0; i < count; ++i) dweight[k] += dy[to + i] * x[from + i];
    });
  }
  void add_b(const T* dy, const T* weight, T* dx) const {
    this->for_each_run([&](Index k, Index from, Index to, Index count) {
      for (Index i = 0; i < count; ++i) dx[from + i] += weight[k] * dy[to + i];
    });
  }
};

// By -taps / 2 .. taps / 2 elements around a circle.
struct Around {
  Index taps, size;
  template <class Visit>
  void for_each_run(const Visit& visit) const {
    for (Index tap = 0; tap < taps; ++tap) {
      const Index by = ((tap - taps / 2) % size + size) % size;
      visit(tap, 0, by, size - by);
      visit(tap, size - by, 0, by);
    }
  }
  double multiply_adds() const { return double(taps) * double(size); }
};

// Cells of a stack: pushed, they move down by one, popped, up, or they stay.
struct UpAndDown {
  Index size, width;
  template <class Visit>
  void for_each_run(const Visit& visit) const {
    visit(0, 0, width, size - width);
    visit(1, width, 0, size - width);
    visit(2, 0, 0, size);
  }
  double multiply_adds() const { return 3 * double(size); }
};

}  // namespace

template <class T>
Slot rotate(MemoryStep<T>& step, Slot s, Slot x) {
  return append_bilinear(step, s, x, step.between(x.size), Moved<T, Around>{{s.size, x.size}});
}

template <class T>
Slot move(MemoryStep<T>& step, Slot a, MatrixSlot x, Slot y) {
  return append_bilinear(step, a, x.slot, y, Moved<T, UpAndDown>{{x.slot.size, x.width}});
}

#define RECURRA_INSTANTIATE(T)                      \
  template Slot rotate(MemoryStep<T>&, Slot, Slot); \
  template Slot move(MemoryStep<T>&, Slot, MatrixSlot, Slot);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
