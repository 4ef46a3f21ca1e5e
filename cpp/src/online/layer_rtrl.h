// Exact RTRL of one layer in itself: the layer is a network of its own, run a second time from its inputs.
#pragma once

#include "layer_learner.h"
#include "row_rule.h"

namespace recurra {

// What the rows share of a layer: it as a network, and its part of the weights' versions.
template <class T>
struct LayerNetwork {
  LayerNetwork(const LayerSpec& spec, const WeightHistory<T>& versions, Index parameter_offset)
      : model({spec}),
        whole(versions),
        offset(parameter_offset),
        history(model, versions.depth(), versions.flat(versions.now()).data() + offset) {
    history.copy(whole, offset);
  }
  const Model<T> model;
  const WeightHistory<T>& whole;
  const Index offset;
  WeightHistory<T> history;
};

template <class T>
class LayerRtrl final : public LayerLearner<T> {
 public:
  LayerRtrl(std::shared_ptr<LayerNetwork<T>> network, std::unique_ptr<RowRule<T>> row)
      : network_(std::move(network)), row_(std::move(row)) {}

  void reset() override {
    network_->history.follow(network_->whole, network_->offset);
    row_->reset();
  }
  bool step(const LayerStep<T>& step, T*) override {
    network_->history.follow(network_->whole, network_->offset);
    const bool taught = network_->model.teacher_size() > 0;  // or it is another layer's
    if (!row_->look(step.tape.x, taught ? step.teacher : nullptr)) return false;
    row_->step(step.dy);
    return true;
  }
  bool gradient(T* to) override { return row_->gradient(to); }
  bool settle(T* to, bool now) override { return row_->settle(to, now); }
  void forget() override { row_->forget(); }
  bool influence(Index offset, Index size, T* to) override {
    if (size > 0) row_->influence(offset, size, to);
    return true;
  }
  void save(OnlineFile<T>& file, const std::string& prefix) const override { row_->save(file, prefix); }
  void load(const OnlineFile<T>& file, const std::string& prefix) override {
    network_->history.copy(network_->whole, network_->offset);
    row_->load(file, prefix);
  }

 private:
  std::shared_ptr<LayerNetwork<T>> network_;
  std::unique_ptr<RowRule<T>> row_;
};

}  // namespace recurra
