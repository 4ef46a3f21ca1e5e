// Work: the multiply-adds of a network's products and the pointwise operations of its cells (gates and states), counted by what
// each is done for. Activations and normalisations as layers or stages of their own, losses and optimizers are not counted.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

namespace recurra {

// What something is done once for: a step of a sequence or a node of trees and graphs; a node of a tree that reads from nodes
// below, or from one above; an edge; a sequence, tree or graph; a step that a decoder writes; a step of the encoder that
// attention looks at, and each pair of these two.
enum class Per { step, above, below, edge, sequence, written, read, match };
inline constexpr std::size_t num_per = 8;

// By what they are done for.
struct WorkCounts {
  std::array<double, num_per> by{};
  double& operator[](Per per) { return by[std::size_t(per)]; }
  double operator[](Per per) const { return by[std::size_t(per)]; }
  WorkCounts& operator+=(const WorkCounts& more) {
    for (std::size_t i = 0; i < num_per; ++i) by[i] += more.by[i];
    return *this;
  }
};

// Of the way forward; and of training: forwards, backwards to states and inputs, and the gradient of the weights.
struct Work {
  WorkCounts forward, training;                      // multiply-adds of products
  WorkCounts pointwise_forward, pointwise_training;  // operations; an elementary function is one
  Work& operator+=(const Work& more) {
    forward += more.forward;
    training += more.training;
    pointwise_forward += more.pointwise_forward;
    pointwise_training += more.pointwise_training;
    return *this;
  }
};

// A layer inside another one: what its steps, and its nodes that read from below, are for that, and how often each is done.
struct Pace {
  Per step = Per::step, below = Per::below;
  double times = 1;
};

// The work of a layer inside, as the layer around it counts.
inline Work paced(Work work, const Pace& pace) {
  for (WorkCounts* part : {&work.forward, &work.training, &work.pointwise_forward, &work.pointwise_training}) {
    for (double& count : part->by) count *= pace.times;
    const double steps = std::exchange((*part)[Per::step], 0), below = std::exchange((*part)[Per::below], 0);
    (*part)[pace.step] += steps;
    (*part)[pace.below] += below;
  }
  return work;
}

}  // namespace recurra
