// The nodes one gradient sums over: all of some levels, or those of one sequence for one of its seeds.
#pragma once

#include <stdexcept>

#include "layer.h"

namespace recurra {

// Every step-th node from `first`, and one seed of each.
struct NodeSlice {
  Index first, step, count, seed, seeds;
  Index cotangent() const { return first * seeds + seed; }
  Index cotangent_step() const { return step * seeds; }
};

// Calls add(nodes, gradient vector) once for the sum, or once per sequence and seed.
template <class T, class Add>
void for_each_target(const Schedule& schedule, Index seeds, Levels levels, GradientTarget<T> target, const Add& add) {
  const Index first = schedule.first_node(levels.begin), count = schedule.first_node(levels.end) - first;
  if (target.stride == 0 ? seeds != 1 : !schedule.is_uniform())
    throw std::logic_error("gradient: a sum needs one seed, a gradient per sequence and seed needs sequences of one length");
  if (target.stride == 0) return add(NodeSlice{first, 1, count, 0, 1}, target.data);
  const Index batch = schedule.num_roots(), steps = levels.end - levels.begin;
  for (Index sequence = 0; sequence < batch; ++sequence)
    for (Index seed = 0; seed < seeds; ++seed)
      add(NodeSlice{first + sequence, batch, steps, seed, seeds}, target.data + (sequence * seeds + seed) * target.stride);
}

}  // namespace recurra
