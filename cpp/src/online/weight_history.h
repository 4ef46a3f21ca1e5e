// The weights of the latest steps. A step is walked back with the weights it was made with; steps between two updates share them.
#pragma once

#include <deque>

#include "../learning/workspace.h"
#include "online_file.h"

namespace recurra {

template <class T>
class WeightHistory {
 public:
  // Keeps the latest `depth` versions. The first one is `flat`.
  WeightHistory(const Model<T>& model, Index depth, const T* flat);

  // The number of the present version, counted from 0.
  Index now() const { return now_; }
  // The weights moved.
  void update(const T* flat);
  // For a history of the parameters from `offset` on: the versions that a history of them all has; or those it has in addition.
  void copy(const WeightHistory& whole, Index offset);
  void follow(const WeightHistory& whole, Index offset);
  void save(OnlineFile<T>& file) const;
  void load(const OnlineFile<T>& file);

  // One of the latest `depth` versions.
  const ModelWeights<T>& weights(Index version) const { return at(version).weights; }
  const std::vector<T>& flat(Index version) const { return at(version).flat; }
  Index depth() const { return Index(versions_.size()); }

 private:
  struct Version {
    ModelWeights<T> weights;
    std::vector<T> flat;
  };
  const Version& at(Index version) const { return versions_[std::size_t(version % depth())]; }
  void set(Index version, const T* flat);

  const Model<T>& model_;
  std::deque<Version> versions_;
  Index now_ = 0;
};

}  // namespace recurra
