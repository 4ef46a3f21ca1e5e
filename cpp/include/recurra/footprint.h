// Footprint: the memory of a training step, counted before it is made.
#pragma once

#include "recurra/optimizer.h"
#include "recurra/runner.h"

namespace recurra {

// In bytes. The network's parameters and the caller's arrays are not part of it.
struct Footprint {
  int threads = 1;         // that share the batch
  double rounds = 1;       // in how many parts each goes through its share, one after the other in the same memory
  double weights = 0;      // the parameters as the products read them
  double activations = 0;  // what the way forward keeps for the way back
  double cotangents = 0;   // what the way back adds to that
  double gradients = 0;    // one of each thread
  double optimizer = 0;    // what it remembers
  double traffic = 0;      // what the way forward moves (training/traffic.h), no part of the memory:
  double steps = 0;        // for so many steps or nodes
  double total() const { return weights + activations + cotangents + gradients + optimizer; }
};

// Of a batch of this shape; no data, lengths, teacher or targets are looked at, all steps count as valid. Over a topology what
// is laid out is counted to the byte; so is a small batch of sequences, and a larger one goes on from there along straight lines,
// so that little memory is spent. Throws std::invalid_argument for a batch that does not fit the network, a window beyond its
// time axis, segments (see RunOptions) of a network that has none, or an optimizer's setting out of range.
template <class T>
Footprint training_footprint(const BasicNetwork<T>& network, const Sequences<T>& shape, const Optimizer& optimizer,
                             Index window = 0, Index segment = 0);

}  // namespace recurra
