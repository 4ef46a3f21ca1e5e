// How many threads share a batch.
#pragma once

namespace recurra {

// At least 1; the default is the number of processors. The same number gives the same bits.
// Throws std::invalid_argument.
void set_num_threads(int count);
int num_threads();

}  // namespace recurra
