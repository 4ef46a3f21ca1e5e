// How a batch is split: over how many threads, and into how many parts.
#pragma once

#include "recurra/runner.h"
#include "workspace.h"

namespace recurra {

// Enough work for each thread to be worth waking.
template <class T>
int worthwhile_threads(const Sequences<T>& x, Index num_parameters);

// What a step of one sequence takes while a network learns, and what all of its weights do, in bytes.
struct StepMemory {
  double step = 0, weights = 0;
};
template <class T>
StepMemory step_memory(const Model<T>& model);

// For each thread one, or as many more as let each stay in the caches; a thread takes them one behind the other in the same
// memory. Trees and graphs lie in no order, so that it always pays. Sequences are split where weights are so small that reading
// them for fewer rows at a time costs nothing.
template <class T>
int num_parts(const Sequences<T>& x, int threads, StepMemory memory);

}  // namespace recurra
