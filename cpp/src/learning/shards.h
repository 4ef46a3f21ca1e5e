// How a batch is split: over how many threads, and into how many parts.
#pragma once

#include "recurra/runner.h"
#include "workspace.h"

namespace recurra {

// What a step of one sequence takes while a network learns, and what all of its weights do, in bytes.
struct StepMemory {
  double step = 0, weights = 0;  // an embedding's table is not read whole
};
template <class T>
StepMemory step_memory(const Model<T>& model);

// A pass over this many steps (of sequences), of which so many are in memory at once.
struct Extent {
  Index pass, at_once;
};
template <class T>
Extent extent(const Sequences<T>& x, Index pass, Index segment);

// As many threads as have enough work to be worth waking. For each one part, or as many more as let each stay in the caches; a
// thread takes them one behind the other in the same memory. Trees and graphs lie in no order, so that it always pays. Sequences
// are split where weights are so small that reading them for fewer rows at a time costs nothing. `whole`: whether all of a
// part's activations are there at once, not those of a segment of time.
struct Split {
  int threads, parts;
  int team;  // how many threads share each larger product instead, where there are few rows and many weights; else 1
};
template <class T>
Split split(const Sequences<T>& x, Extent extent, Index num_parameters, StepMemory memory, bool whole = true);

}  // namespace recurra
