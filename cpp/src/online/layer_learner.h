// What learns one layer with a state from what the layer itself sees of a step.
#pragma once

#include <string>

#include "../layers/layer.h"
#include "online_file.h"

namespace recurra {

// A step that the layer has made at level 1 of its tape.
template <class T>
struct LayerStep {
  const Weights<T>& weights;
  const T* params;  // the layer's part of the flat vector that the step was made with
  Tape<T>& tape;
  const T* dy;       // the cotangent of its output, null: nothing to learn; else the sweep back has gone through the tape
  const T* teacher;  // fed back instead of the output, or null
};

template <class T>
class LayerLearner {
 public:
  virtual ~LayerLearner() = default;
  // A sequence begins, with these parameters.
  virtual void reset() = 0;
  // Adds the gradient of a step with respect to the layer's parameters. False if it grew beyond all bounds.
  virtual bool step(const LayerStep<T>&, T* gradient) = 0;
  // See RowRule; for those that do not add it at once.
  virtual bool gradient(T*) { return true; }
  virtual bool settle(T*, bool now) { return (void)now, true; }
  virtual void forget() = 0;
  // d(state)/d(parameters offset .. offset + size - 1) of the layer, [state size][size], to zeros. False: it keeps none.
  virtual bool influence(Index offset, Index size, T* to) = 0;
  virtual void save(OnlineFile<T>& file, const std::string& prefix) const = 0;
  virtual void load(const OnlineFile<T>& file, const std::string& prefix) = 0;
};

}  // namespace recurra
