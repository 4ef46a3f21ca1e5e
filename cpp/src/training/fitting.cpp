#include "fitting.h"

#include <cmath>
#include <stdexcept>

#include "../learning/bptt.h"
#include "../network/shared_parameters.h"

namespace recurra {

template <class T>
Fitting<T>::Fitting(BasicNetwork<T>& network, const Data<T>& data, const FitOptions& options)
    : network_(network),
      data_(data),
      options_(options),
      runner_(network),
      optimizer_(options.optimizer, Index(network.flat().size())),
      gradient_(network.flat().size()) {
  if (options.window > 0 && (network.pools() || network.looks_ahead()))
    throw std::invalid_argument("fit: a window cuts the time axis, but the network " +
                                std::string(network.pools() ? "pools over it" : "looks ahead"));
}

template <class T>
bool Fitting<T>::epoch(int number, double learning_rate, const std::function<void()>& on_boundary) {
  begin_ = Clock::now();
  optimizer_.set_learning_rate(learning_rate);
  sampling_ = options_.sampling.probability(number);
  const std::vector<Index> order = row_order(data_.x, options_.shuffle, options_.seed, number);
  while (partial_.batch < batches()) {
    const Index begin = partial_.batch * options_.batch_size;
    try {
      batch(select(data_.x, order, begin, std::min(options_.batch_size, data_.x.batch - begin)));
    } catch (const InterruptedBatch&) {
      return false;
    }
    ++partial_.batch;
    on_boundary();
    stopped_ = options_.on_batch && options_.on_batch({number, partial_.batch, batches(), partial_.mean.value()});
    if (stopped_ && partial_.batch < batches()) return false;
  }
  return true;
}

template <class T>
PartialEpoch Fitting<T>::partial() const {
  PartialEpoch partial = partial_;
  partial.seconds += std::chrono::duration<double>(Clock::now() - begin_).count();
  return partial;
}

template <class T>
std::vector<T> Fitting<T>::state() const {
  if (!carries()) return {};
  return {state_.data().begin(), state_.data().end()};
}

template <class T>
void Fitting<T>::resume(const OptimizerState<T>& optimizer, const PartialEpoch& partial, const std::vector<T>& state) {
  const bool carried = options_.stateful && partial.batch > 0;
  BasicState<T> rows(network_, carried ? options_.batch_size : 0);
  if (state.size() != rows.data().size())
    throw std::invalid_argument("fit: the carried state has " + std::to_string(state.size()) + " numbers, expected " +
                                std::to_string(rows.data().size()));
  std::copy(state.begin(), state.end(), rows.data().begin());
  rows.check("fit", network_.state_blocks(), rows.batch());
  optimizer_.set_state(optimizer);
  updates_ = optimizer.updates;
  partial_ = partial;
  state_ = std::move(rows);
}

template <class T>
void Fitting<T>::batch(const Sequences<T>& x) {
  // What decodes writes also where nothing was read.
  const Index end = network_.decodes() ? x.time : longest(x), window = options_.window > 0 ? options_.window : end;
  const bool goes_on = carries();
  if (!goes_on) state_ = BasicState<T>(network_, x.batch);
  for (Index begin = 0; begin < end; begin += window) {
    const Window steps{begin, std::min(begin + window, end)};
    const double weight = total_weight(*network_.model(), x, data_.target, options_.loss, steps);
    const RunOptions training{.training = true,
                              .noise = mix(options_.seed, ++updates_),
                              .interrupt = options_.interrupt,
                              .initial = begin == 0 && !goes_on,
                              .sampling = sampling_,
                              .segment = options_.segment};
    const double loss = runner_.window_gradient(x, data_.target, options_.loss, steps, gradient_.data(),
                                                x.topology ? nullptr : &state_, training, &touched_);
    update();
    partial_.mean.add(loss, weight);
  }
}

template <class T>
void Fitting<T>::update() {
  const std::span<T> gradient{gradient_};
  const double norm = gradient_norm<T>(gradient, touched_);
  if (!std::isfinite(norm))
    throw std::overflow_error("fit: the norm of the gradient is " + std::to_string(norm) + ", expected a finite value");
  if (options_.clip_value > 0) clip_value(gradient, options_.clip_value, touched_);
  if (options_.clip_norm > 0) clip_norm(gradient, options_.clip_norm, touched_);
  optimizer_.update(network_, gradient_, touched_);
}

template class Fitting<float>;
template class Fitting<double>;

}  // namespace recurra
