// How a batch is split: over how many threads, and into how many parts.
#pragma once

#include "recurra/runner.h"

namespace recurra {

// Enough work for each thread to be worth waking.
template <class T>
int worthwhile_threads(const Sequences<T>& x, Index num_parameters);

// For each thread one. Of trees and graphs, which lie in no order, as many more as let each stay in the caches; a thread takes
// them one behind the other in the same memory.
template <class T>
int num_parts(const Sequences<T>& x, int threads);

}  // namespace recurra
