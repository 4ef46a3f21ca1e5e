// Sweeps of a whole network over the levels of a schedule: forward, backward, gradient.
//
// A sweep goes through the levels in chunks and through the layers inside a chunk, so that what one layer writes is still in
// the cache when the next one reads it, and so that a long sequence can be interrupted. A layer that looks ahead gets all levels
// at once, after those below and before those above have gone through theirs; the levels must then be all of the schedule.
#pragma once

#include <functional>

#include "workspace.h"

namespace recurra {

// Asked between chunks; true ends the sweep by an Interrupted exception.
using Interrupt = std::function<bool()>;
struct Interrupted {};

// Which layers are swept: those over time (pooling, which reads the time axis, is the last of them), those behind it, or all.
enum class Swept { all, over_time, pooled };

template <class T>
void forward(const ModelWeights<T>& weights, Workspace<T>& workspace, Levels levels, const Interrupt& interrupt = {},
             Swept swept = Swept::all);

// The JVP along the tapes `forward` left, weights held. Tangents of the first layer's input are zero; those of the states before
// stand in the tapes, where cotangents do.
template <class T>
void tangent(const ModelWeights<T>& weights, Workspace<T>& workspace, Levels levels);

template <class T>
void clear_cotangents(Workspace<T>& workspace);

// Expects the cotangents of the outputs (and, if wanted, of the last states) in the tapes.
template <class T>
void backward(const ModelWeights<T>& weights, Workspace<T>& workspace, Levels levels, const Interrupt& interrupt = {},
              Swept swept = Swept::all);

// Adds to `target`, laid out as the flat parameter vector: one product per matrix over all levels.
template <class T>
void gradient(Workspace<T>& workspace, Levels levels, GradientTarget<T> target, Swept swept = Swept::all);

// The same for learned initial states, where the sequences started from them and `backward` reached the first level.
template <class T>
void initial_gradient(Workspace<T>& workspace, GradientTarget<T> target);

}  // namespace recurra
