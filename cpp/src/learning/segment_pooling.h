// Pooling over time when time goes by in segments: the pooled outputs collected while the segments go forward, and their
// cotangents handed out to the segments they came from. A pooling layer goes on by the state it carries, but its gradient does
// not pass through that state, so what it needs to know of the other segments is put in here.
#pragma once

#include "workspace.h"

namespace recurra {

template <class T>
class SegmentPooling {
 public:
  // Of so many sequences, through a network that pools.
  SegmentPooling(const Model<T>& model, Index sequences);

  // The outputs of the sequences that had a step in this segment (the latest so far), which went forward; of all in the first.
  void collect(Workspace<T>& workspace, Index segment);
  // All of them as the pooling layer's output, before what lies behind it goes forward;
  void give_outputs(Workspace<T>& workspace) const;
  // the cotangents that came back there;
  void take_cotangents(Workspace<T>& workspace);
  // and those that are this segment's affair, before it goes backward. `last`: the states [sequences][state size] after the last
  // segment.
  void give_cotangents(Workspace<T>& workspace, Index segment, const T* last) const;

 private:
  const Model<T>& model_;
  Index width_;
  std::vector<Index> latest_;          // by sequence: the last segment with a step; -1: none
  std::vector<T> output_, cotangent_;  // [sequences][width]
};

}  // namespace recurra
