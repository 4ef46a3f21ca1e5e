// Traffic: the bytes that the way forward moves, by a plain model. Each weight is read once per level of what its layer runs
// over, in each part that a batch is cut into: per step of sequences side by side, height of trees, round of a graph network,
// sequence behind a pooling; of an embedding its row is read for each symbol. Each activation is written once.
#pragma once

#include <array>

#include "../network/model.h"
#include "recurra/work.h"

namespace recurra {

// Of one part: how many levels of each kind there are one after the other, and how many steps (or nodes) in all.
struct PartLevels {
  std::array<double, num_per> levels{};
  double steps = 0, written = 0;
};
PartLevels sequence_levels(double rows, double time, double target_time);
PartLevels topology_levels(const CompiledTopology& topology);

// The bytes of weights that one part reads.
template <class T>
double weight_traffic(const Model<T>& model, const PartLevels& part);

}  // namespace recurra
