// The loss of class scores without all scores of all outputs at once: the last layer makes them some rows at a time.
#pragma once

#include "bptt.h"

namespace recurra {

// Whether a pass over so many outputs leaves the last layer to `class_loss`.
template <class T>
bool scores_apart(const Model<T>& model, const Pass<T>& pass, Index outputs);

// What output_loss is where the workspace left the last layer out. Its gradient is added to the shard's, and what goes back to
// the layer before it to that one's cotangents.
template <class T>
double class_loss(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass);

}  // namespace recurra
