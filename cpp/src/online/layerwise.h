// Rules that learn layer by layer: errors go down through the layers of the same step only, as if the states before it were
// fixed, and each layer with a state and parameters has a learner of its own that knows what its past does to the step.
#pragma once

#include "layer_learner.h"
#include "row_rule.h"

namespace recurra {

template <class T>
using LayerLearners = std::vector<std::unique_ptr<LayerLearner<T>>>;

// Instead of the cotangent that the layers above give, a layer's output gets `matrix` [output][network's output] times that of
// the network's.
template <class T>
using RandomFeedback = std::vector<std::vector<T>>;  // by layer; empty: none

template <class T>
class LayerwiseRow final : public RowRule<T> {
 public:
  // Learners and feedback by layer; null: its gradient is that of the step.
  LayerwiseRow(const Model<T>& model, const WeightHistory<T>& history, LayerLearners<T> learners,
               std::shared_ptr<const RandomFeedback<T>> feedback = {});

  void reset() override;
  void step(const T* dy) override;
  bool gradient(T* to) override;
  bool settle(T* to, bool now) override;
  void forget() override;
  void influence(Index offset, Index size, T* to) override;
  void save(OnlineFile<T>& file, const std::string& prefix) const override;
  void load(const OnlineFile<T>& file, const std::string& prefix) override;

 private:
  // Learns from the step made, if it has not yet.
  bool absorb(T* to);
  void feed_error(std::size_t layer, Tape<T>& tape) const;

  LayerLearners<T> learners_;
  std::shared_ptr<const RandomFeedback<T>> feedback_;
  std::vector<T> dy_, error_;  // the cotangents of the network's and of a layer's output
  bool made_ = false, learns_ = false;
};

// The layers with a state that depends on parameters of layers below, and those layers: what errors of the same step miss.
template <class T>
std::vector<std::string> paths_between_layers(const Model<T>& model);
// "layer 2 (LSTM)"
template <class T>
std::string layer_name(const Model<T>& model, std::size_t layer);
// Whether a layer learns from its past: it has a state and parameters.
template <class T>
bool is_learner(const Model<T>& model, std::size_t layer);

}  // namespace recurra
