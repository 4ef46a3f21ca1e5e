#include "recurra/fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "../learning/bptt.h"
#include "../learning/checks.h"
#include "../math/random.h"

namespace recurra {

namespace {

template <class T>
Sequences<T> select(const Sequences<T>& x, const std::vector<Index>& order, Index begin, Index count) {
  Sequences<T> batch = x;
  batch.rows = order.data() + begin;
  batch.batch = count;
  return batch;
}

template <class T>
Index longest(const Sequences<T>& batch) {
  Index length = 0;
  for (Index i = 0; i < batch.batch; ++i) length = std::max(length, batch.length(i));
  return length;
}

// The rows of x, in their order or in one drawn for this epoch.
template <class T>
std::vector<Index> row_order(const Sequences<T>& x, bool shuffle = false, std::uint64_t seed = 0, int epoch = 0) {
  std::vector<Index> order;
  for (Index i = 0; i < x.batch; ++i) order.push_back(x.row(i));
  Random random{mix(seed, std::uint64_t(epoch))};
  for (std::size_t i = order.size(); shuffle && i > 1; --i) std::swap(order[i - 1], order[std::size_t(random.below(i))]);
  return order;
}

void check(const FitOptions& o) {
  const auto require = [](bool condition, const std::string& name, double value, const std::string& expected) {
    if (!condition) throw std::invalid_argument("fit: " + name + " is " + std::to_string(value) + ", expected " + expected);
  };
  require(o.epochs >= 0, "epochs", o.epochs, "at least 0");
  require(o.batch_size >= 1, "batch_size", double(o.batch_size), "at least 1");
  require(o.window >= 0, "window", double(o.window), "at least 1");
  require(o.clip_norm >= 0 && std::isfinite(o.clip_norm), "clip_norm", o.clip_norm, "a finite number > 0");
  require(o.clip_value >= 0 && std::isfinite(o.clip_value), "clip_value", o.clip_value, "a finite number > 0");
}

// A sum of mean losses times what each was divided by.
struct MeanLoss {
  double sum = 0, total = 0;
  void add(double loss, double weight) {
    sum += loss * weight;
    total += weight;
  }
  double value() const { return total > 0 ? sum / total : 0; }
};

template <class T>
class Fitting {
 public:
  Fitting(BasicNetwork<T>& network, const Data<T>& data, const FitOptions& options)
      : network_(network),
        data_(data),
        options_(options),
        runner_(network),
        optimizer_(options.optimizer, Index(network.flat().size())),
        gradient_(network.flat().size()) {
    if (options.window > 0 && network.pools())
      throw std::invalid_argument("fit: a window cuts the time axis, but the network pools over it");
  }

  // One epoch; false if stopped before its end.
  bool epoch(int number, Epoch& result) {
    const std::vector<Index> order = row_order(data_.x, options_.shuffle, options_.seed, number);
    const Index batches = (data_.x.batch + options_.batch_size - 1) / options_.batch_size;
    MeanLoss mean;
    for (Index b = 0; b < batches; ++b) {
      const Index begin = b * options_.batch_size;
      try {
        batch(select(data_.x, order, begin, std::min(options_.batch_size, data_.x.batch - begin)), mean);
      } catch (const InterruptedBatch&) {
        return false;
      }
      stopped_ = options_.on_batch && options_.on_batch({number, b + 1, batches, mean.value()});
      if (stopped_ && b + 1 < batches) return false;
    }
    result.loss = mean.value();
    return true;
  }
  void set_learning_rate(double rate) { optimizer_.set_learning_rate(rate); }
  // A callback asked for the end after the last batch of an epoch: that epoch is complete.
  bool stopped() const { return stopped_; }

 private:
  void batch(const Sequences<T>& x, MeanLoss& mean) {
    const Index end = longest(x), window = options_.window > 0 ? options_.window : end;
    BasicState<T> state(network_, x.batch);
    for (Index begin = 0; begin < end; begin += window) {
      const Window steps{begin, std::min(begin + window, end)};
      const double weight = total_weight(*network_.model(), x, data_.target, options_.loss, steps);
      std::fill(gradient_.begin(), gradient_.end(), T(0));
      RunOptions training{0, true, mix(options_.seed, ++updates_), options_.interrupt};
      const double loss = runner_.window_gradient(x, data_.target, options_.loss, steps, gradient_.data(), &state, training);
      update();
      mean.add(loss, weight);
    }
  }

  void update() {
    const std::span<T> gradient{gradient_};
    const double norm = gradient_norm<T>(gradient);
    if (!std::isfinite(norm))
      throw std::overflow_error("fit: the norm of the gradient is " + std::to_string(norm) + ", expected a finite value");
    if (options_.clip_value > 0) clip_value(gradient, options_.clip_value);
    if (options_.clip_norm > 0) clip_norm(gradient, options_.clip_norm);
    optimizer_.update(network_.flat(), gradient_);
  }

  BasicNetwork<T>& network_;
  const Data<T>& data_;
  const FitOptions& options_;
  BasicRunner<T> runner_;
  BasicOptimizer<T> optimizer_;
  std::vector<T> gradient_;
  std::uint64_t updates_ = 0;
  bool stopped_ = false;
};

}  // namespace

template <class T>
double evaluate(const BasicNetwork<T>& network, const Data<T>& data, const Loss& loss, Index batch_size,
                const RunOptions& options) {
  if (batch_size < 1)
    throw std::invalid_argument("evaluate: batch_size is " + std::to_string(batch_size) + ", expected at least 1");
  check_batch("evaluate", data.x);
  check_loss("evaluate", *network.model(), data.target, loss);
  const std::vector<Index> order = row_order(data.x);
  BasicRunner<T> runner(network);
  MeanLoss mean;
  for (Index begin = 0; begin < data.x.batch; begin += batch_size) {
    const Sequences<T> batch = select(data.x, order, begin, std::min(batch_size, data.x.batch - begin));
    const double value = runner.loss(batch, data.target, loss, nullptr, options);
    mean.add(value, total_weight(*network.model(), batch, data.target, loss, {0, batch.time}));
  }
  return mean.value();
}

template <class T>
History fit(BasicNetwork<T>& network, const Data<T>& training, const Data<T>* validation, const FitOptions& options) {
  check(options);
  const double rate = std::visit([](const auto& settings) { return settings.learning_rate; }, options.optimizer);
  check_schedule(options.schedule, rate);
  check_data("fit", *network.model(), training.x, training.target, options.loss);
  if (validation) check_data("fit: validation", *network.model(), validation->x, validation->target, options.loss);
  Fitting<T> fitting(network, training, options);
  History history;
  std::vector<double> monitored;
  for (int number = 0; number < options.epochs; ++number) {
    const auto start = std::chrono::steady_clock::now();
    Epoch epoch;
    epoch.learning_rate = scheduled_rate(options.schedule, rate, number, monitored);
    fitting.set_learning_rate(epoch.learning_rate);
    if (!fitting.epoch(number, epoch)) {
      history.interrupted = true;
      break;
    }
    try {
      if (validation && !fitting.stopped())
        epoch.validation_loss =
            evaluate(network, *validation, options.loss, options.batch_size, {.interrupt = options.interrupt});
    } catch (const InterruptedBatch&) {
      history.interrupted = true;
    }
    epoch.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    history.epochs.push_back(epoch);
    monitored.push_back(validation ? epoch.validation_loss : epoch.loss);
    if ((options.on_epoch && options.on_epoch(number, epoch)) || fitting.stopped() || history.interrupted) {
      history.interrupted = true;
      break;
    }
  }
  return history;
}

#define RECURRA_INSTANTIATE(T)                                                               \
  template History fit(BasicNetwork<T>&, const Data<T>&, const Data<T>*, const FitOptions&); \
  template double evaluate(const BasicNetwork<T>&, const Data<T>&, const Loss&, Index, const RunOptions&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
