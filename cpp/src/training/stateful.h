// Stateful batches: row i of a batch goes on where row i of the batch before ended, after its own last valid step.
#pragma once

#include "recurra/runner.h"

namespace recurra {

// Throws std::invalid_argument unless every batch has a row for each of the one before, and the network has a state to carry on
// from one piece of a sequence to the next: one that pools or looks ahead needs the whole.
template <class T>
void check_stateful(const std::string& function, const BasicNetwork<T>& network, const Sequences<T>& x, Index batch_size);

}  // namespace recurra
