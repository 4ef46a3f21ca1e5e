#include "recurra/forecast.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../layers/feedback.h"
#include "../network/model.h"
#include "checks.h"
#include "recurra/stream.h"

namespace recurra {

namespace {

template <class T>
void check(const BasicNetwork<T>& network, const SeenSeries<T>& seen, Index steps, bool feeds_back) {
  const auto require = [](bool condition, const std::string& what) {
    if (!condition) throw std::invalid_argument("forecast: " + what);
  };
  network.model()->expect_sequences("forecast");
  require(steps >= 1, "steps is " + std::to_string(steps) + ", expected at least 1");
  require(!network.pools() && !network.looks_ahead(),
          "the network pools over time or looks ahead, expected an output per step that depends on earlier steps alone");
  require(seen.batch >= 1 && seen.time >= 1, "history has batch " + std::to_string(seen.batch) + " and time " +
                                                 std::to_string(seen.time) + ", expected at least 1 of each");
  if (feeds_back) {
    require(network.teacher_size() > 0, "the network has several Feedback layers, expected one");
    require(seen.x || network.input_size() == 0,
            "x is missing, expected the inputs of all steps: the network has " + std::to_string(network.input_size()));
    return;
  }
  require(network.teacher_size() == 0 && !network.takes_ids() && network.input_size() == network.output_size(),
          "the network has " + std::to_string(network.input_size()) + " inputs and " + std::to_string(network.output_size()) +
              " outputs, expected a Feedback as its last layer, or none and as many inputs as outputs");
  require(!seen.x, "x is given, expected none: the network's own outputs are its inputs");
}

// By their places in the caller's arrays, of which only parts are run.
template <class T>
void check_numbers(const BasicNetwork<T>& network, const SeenSeries<T>& seen, Index steps) {
  const Index width = network.output_size(), features = network.input_size(), all = seen.time + steps;
  for (Index i = 0; i < seen.batch; ++i) {
    for (Index t = 0; t < seen.time; ++t) check_values("history", seen.outputs + (i * seen.time + t) * width, width, {i, t});
    for (Index t = 0; seen.x && t < all; ++t) check_features(*network.model(), seen.x + (i * all + t) * features, {i, t});
  }
}

template <class T>
void check_output(const T* y, Index width, Index step) {
  for (Index j = 0; j < width; ++j)
    if (!std::isfinite(y[j]))
      throw std::overflow_error("forecast: the output of step " + std::to_string(step) +
                                " is not finite, expected finite values");
}

// Steps begin .. end - 1 of the inputs, as an array of their own.
template <class T>
std::vector<T> part(const SeenSeries<T>& seen, Index time, Index features, Index begin, Index end) {
  std::vector<T> result;
  for (Index i = 0; features > 0 && i < seen.batch; ++i)
    result.insert(result.end(), seen.x + (i * time + begin) * features, seen.x + (i * time + end) * features);
  return result;
}

}  // namespace

template <class T>
void forecast(const BasicNetwork<T>& network, const SeenSeries<T>& seen, Index steps, T* y, const RunOptions& options) {
  const bool feeds_back = dynamic_cast<const Feedback<T>*>(network.model()->layers.back().get()) != nullptr;
  check(network, seen, steps, feeds_back);
  check_numbers(network, seen, steps);
  const Index width = network.output_size(), features = network.input_size(), batch = seen.batch;
  BasicRunner<T> runner(network);
  BasicState<T> state(network, batch);
  std::vector<T> outputs(std::size_t(batch * seen.time * width));
  if (feeds_back) {
    const std::vector<T> before = part(seen, seen.time + steps, features, 0, seen.time);
    const std::vector<T> after = part(seen, seen.time + steps, features, seen.time, seen.time + steps);
    Sequences<T> past{before.data(), batch, seen.time};
    past.teacher = seen.outputs;
    runner.forward(past, outputs.data(), &state, options);
    runner.forward({after.data(), batch, steps}, y, &state, options);
    for (Index t = 0; t < steps; ++t)
      for (Index i = 0; i < batch; ++i) check_output(y + (i * steps + t) * width, width, t);
    return;
  }
  runner.forward({seen.outputs, batch, seen.time}, outputs.data(), &state, options);
  std::vector<T> now;
  for (Index i = 0; i < batch; ++i)
    now.insert(now.end(), outputs.end() - ((batch - 1 - i) * seen.time + 1) * width,
               outputs.end() - ((batch - 1 - i) * seen.time + 1) * width + width);
  BasicStream<T> stream(network, batch);
  stream.set_state(state);
  std::vector<T> next(now.size());
  for (Index t = 0; t < steps; ++t) {
    for (Index i = 0; i < batch; ++i) std::copy_n(now.begin() + i * width, width, y + (i * steps + t) * width);
    check_output(now.data(), batch * width, t);
    if (t + 1 == steps) return;
    if (!stream.step(now, next)) throw std::logic_error("forecast: the stream refused a step");
    now.swap(next);
  }
}

#define RECURRA_INSTANTIATE(T) template void forecast(const BasicNetwork<T>&, const SeenSeries<T>&, Index, T*, const RunOptions&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
