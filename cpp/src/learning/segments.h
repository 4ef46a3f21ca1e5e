// Checkpointed BPTT: a window cut into segments along time. On the way forward only the states at their borders are kept; on the
// way back each segment runs forward once more, this time with its activations, and hands the cotangent of its first state to the
// segment before. The gradient is that of the whole window, up to the order of its sums.
// T. Chen et al., Training deep nets with sublinear memory cost (2016); of recurrent networks A. Gruslys et al.,
// Memory-efficient backpropagation through time, NIPS 2016. This is their plain form, every step made twice.
#pragma once

#include "bptt.h"

namespace recurra {

// Of a pass of so many steps, as RunOptions::segment asks; 0: it does not run in segments.
Index segment_length(Index steps, Index asked);
// How many activations of a pass that only goes forward are alive at a time: the second-level cache keeps them.
inline constexpr Index forward_nodes = 512;
// Of a pass of so many rows. Without a gradient activations are of no use once the next step has been made: as many steps as
// make forward_nodes, so that memory does not grow with time. (Whole: over trees and graphs, and where a layer
// looks ahead, as a decoder does.)
template <class T>
Index segment_length(const Model<T>& model, const Pass<T>& pass, Index rows);

// What run_shard does, in segments of this length, and what `last_state` of the shard is for. Without a gradient the segments go
// forward alone.
template <class T>
void run_segments(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass, Index length, const Interrupt& interrupt);

}  // namespace recurra
