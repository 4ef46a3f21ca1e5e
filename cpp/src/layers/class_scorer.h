// What a layer can do whose outputs are scores of classes: the cross entropy of its rows without all scores of all rows at once.
#pragma once

#include <cstdint>

#include "layer.h"

namespace recurra {

// Rows that go into the layer, and the class that each should have.
template <class T>
struct ClassRows {
  Index count;
  const T* x;  // [count], x_stride apart
  Index x_stride;
  const std::int64_t* classes;  // [count], in range
  const double* scales;         // [count] what -log p(class) of a row counts in the sum
  T* dx;                        // [count], dx_stride apart, added to; null: nobody asks
  Index dx_stride;
};

template <class T>
struct ClassScratch {
  virtual ~ClassScratch() = default;
  virtual std::size_t bytes() const { return 0; }  // that it has allocated
};

template <class T>
class ClassScorer {
 public:
  virtual ~ClassScorer() = default;
  // Whether so many rows had better come here than go forward with all of their scores.
  virtual bool pays(Index rows) const = 0;
  virtual std::unique_ptr<ClassScratch<T>> make_class_scratch() const = 0;
  // The sum of scale * -log p(class), p = softmax(scores). Adds to `gradient`, laid out as the layer's parameters; null: the loss
  // alone is wanted.
  virtual double class_loss(const Weights<T>&, ClassScratch<T>&, const ClassRows<T>&, T* gradient) const = 0;
};

}  // namespace recurra
