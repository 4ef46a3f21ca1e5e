// Where a run of fit stands between two batches: with the network's parameters, all that it takes to go on bit for bit.
#pragma once

#include "batches.h"
#include "recurra/fit.h"

namespace recurra {

// The epoch in work.
struct PartialEpoch {
  Index batch = 0;     // batches done,
  MeanLoss mean;       // their loss,
  double seconds = 0;  // and their time
};

template <class T>
struct RunState {
  OptimizerState<T> optimizer;  // its number of updates decides the dropout masks
  std::vector<Epoch> epochs;    // the complete ones; shuffling, schedule and early stopping follow from them
  PartialEpoch partial;         // of the next
  std::vector<T> state;         // what its next batch starts from, row by row, where batches are stateful and one is done
  std::vector<T> best;          // the parameters of the best epoch, where they are to be restored
};

}  // namespace recurra
