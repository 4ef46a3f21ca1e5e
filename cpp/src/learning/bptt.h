// Back-propagation through time on one shard of a batch: forward, loss, backward, weight gradient.
// P. J. Werbos, Proc. IEEE 78 (1990).
#pragma once

#include "batch.h"
#include "sweep.h"

namespace recurra {

// How many outputs of the rows inside the window count: steps, or sequences with a step if the network pools.
template <class T>
Index count_valid(const Model<T>& model, const Sequences<T>& x, Window window);

// The workspace ran forward over the shard's window. Returns the sum of the rows' losses times `scale`; with `backward`,
// leaves the outputs' cotangents in the last tape. Throws std::invalid_argument for a bad target.
template <class T>
double shard_loss(Workspace<T>& workspace, const Sequences<T>& x, const std::vector<Index>& rows, Window window,
                  const Target<T>& target, Loss loss, double scale, bool backward);

}  // namespace recurra
