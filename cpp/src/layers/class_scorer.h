// What a layer can do whose outputs are scores of classes: the cross entropy of its rows without all scores of all rows at once.
#pragma once

#include <cstdint>

#include "layer.h"

namespace recurra {

// Classes that stand for all of them: the sum of exp(score) over all classes is estimated by that of exp(score + log_weight) over
// these.
struct ClassSamples {
  std::vector<std::int64_t> classes;  // ascending
  std::vector<double> log_weights;
};

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
  const ClassSamples* samples = nullptr;  // null: all classes
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
  // Whether it takes samples. `refresh_for_samples` then stands for Layer::refresh: the parameters must stay as they are.
  virtual bool takes_samples() const { return false; }
  virtual void refresh_for_samples(const T* params, Weights<T>&) const { (void)params; }
  // The sum of scale * -log p(class), p = softmax(scores), or with samples exp(score) over the sum they
  // estimate: that of the class itself and of those among them that are others. Adds to `gradient`, laid out as the layer's
  // parameters; null: the loss alone is wanted.
  virtual double class_loss(const Weights<T>&, ClassScratch<T>&, const ClassRows<T>&, T* gradient) const = 0;
};

}  // namespace recurra
