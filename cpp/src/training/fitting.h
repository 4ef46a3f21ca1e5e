// The updates of a run, batch by batch; from where it began or from where another one stood.
#pragma once

#include <chrono>

#include "run_state.h"

namespace recurra {

template <class T>
class Fitting {
 public:
  // All of them must outlive it. Throws std::invalid_argument for settings that do not fit.
  Fitting(BasicNetwork<T>& network, const Data<T>& data, const FitOptions& options);

  // The rest of one epoch, which `partial()` then tells about; false if stopped before its end. `on_boundary` is called after
  // every batch.
  bool epoch(int number, double learning_rate, const std::function<void()>& on_boundary);
  // A callback asked for the end after the last batch of an epoch: that epoch is complete.
  bool stopped() const { return stopped_; }
  // With the time until now.
  PartialEpoch partial() const;
  // The next epoch has not begun.
  void finish() { partial_ = {}; }

  Index batches() const { return (data_.x.batch + options_.batch_size - 1) / options_.batch_size; }
  std::uint64_t updates() const { return updates_; }
  OptimizerState<T> optimizer() const { return optimizer_.state(); }
  // What the next batch of this epoch starts from; nothing if that is the initial state.
  std::vector<T> state() const;
  // Goes on from there. Throws std::invalid_argument for a state that does not fit.
  void resume(const OptimizerState<T>& optimizer, const PartialEpoch& partial, const std::vector<T>& state);

 private:
  using Clock = std::chrono::steady_clock;

  bool carries() const { return options_.stateful && partial_.batch > 0; }
  void batch(const Sequences<T>& x);
  void update();

  BasicNetwork<T>& network_;
  const Data<T>& data_;
  const FitOptions& options_;
  BasicRunner<T> runner_;
  BasicOptimizer<T> optimizer_;
  std::vector<T> gradient_;
  Ranges touched_;  // where it is not 0
  std::uint64_t updates_ = 0;
  double sampling_ = 0;  // in this epoch
  PartialEpoch partial_;
  BasicState<T> state_;  // where the rows of the last batch ended
  Clock::time_point begin_ = Clock::now();
  bool stopped_ = false;
};

}  // namespace recurra
