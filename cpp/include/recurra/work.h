// Work: the multiply-adds of a network's products, counted by what each is done for. What is pointwise (gates, activations,
// losses, optimizers) is not counted.
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
struct MultiplyAdds {
  std::array<double, num_per> by{};
  double& operator[](Per per) { return by[std::size_t(per)]; }
  double operator[](Per per) const { return by[std::size_t(per)]; }
  MultiplyAdds& operator+=(const MultiplyAdds& more) {
    for (std::size_t i = 0; i < num_per; ++i) by[i] += more.by[i];
    return *this;
  }
};

struct Work {
  MultiplyAdds forward;
  MultiplyAdds training;  // forwards, backwards to states and inputs, and the gradient of the weights
  Work& operator+=(const Work& more) {
    forward += more.forward;
    training += more.training;
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
  for (MultiplyAdds* part : {&work.forward, &work.training}) {
    for (double& count : part->by) count *= pace.times;
    const double steps = std::exchange((*part)[Per::step], 0), below = std::exchange((*part)[Per::below], 0);
    (*part)[pace.step] += steps;
    (*part)[pace.below] += below;
  }
  return work;
}

}  // namespace recurra
