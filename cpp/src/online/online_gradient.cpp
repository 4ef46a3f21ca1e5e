// Whole sequences by an online rule: each row runs through its steps, the weights at rest.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../learning/bptt.h"
#include "../learning/checks.h"
#include "../learning/loss.h"
#include "../math/flush_to_zero.h"
#include "frozen.h"
#include "online_options.h"

namespace recurra {

template <class T>
double online_gradient(const BasicNetwork<T>& network, const Sequences<T>& x, const Target<T>& target, const Loss& loss,
                       const OnlineRule& rule, T* gradient, const std::function<bool()>& interrupt, std::uint64_t max_bytes) {
  const std::string function = "loss_and_gradient";
  const Model<T>& model = *network.model();
  expect_sequences(function + " by an online rule", model, x);
  check_batch(function, x);
  check_teaching(function, model, x, 0, true);
  expect_exact(function + " by an online rule", loss);
  OnlineOptions options;
  options.rule = rule;
  // Longer ones than the sequences are the same, in more memory.
  if (auto* rtrl = std::get_if<Rtrl>(&options.rule)) rtrl->block = std::min(rtrl->block, x.time);
  if (auto* bptt = std::get_if<RollingBptt>(&options.rule)) bptt->window = std::min(bptt->window, x.time);
  options.update_every = x.time;
  options = with_all_frozen(network, std::move(options));
  const RulePlan plan = plan_rule(model, options);
  check_memory(function, plan, max_bytes);
  check_data(function, model, x, target, loss);
  const Window window{0, x.time};
  if (count_valid(model, x, window) == 0) return 0;
  const double weight = total_weight(model, x, target, loss, window), scale = weight > 0 ? 1 / weight : 0;
  const FlushToZero flush;
  const WeightHistory<T> history(model, plan.versions, network.flat().data());
  const RowRules<T> rules = make_rules(model, history, options, plan);
  RowRule<T>& row = *rules.front();
  std::vector<T> sum(network.flat().size()), dy(std::size_t(model.output_size));
  double total = 0;
  const auto grown = [&] {
    throw std::overflow_error(function + ": the gradient of " + plan.report.rule + " has grown beyond its guard");
  };
  for (Index sequence = 0; sequence < x.batch; ++sequence) {
    row.reset();
    for (Index step = 0; step < x.length(sequence); ++step) {
      if (interrupt && interrupt()) throw InterruptedBatch{};
      const Index entry = x.row(sequence) * x.time + step;
      const T* y = row.look(x.data + entry * model.input_size, x.teacher ? x.teacher + entry * model.teacher_size() : nullptr);
      if (!y) throw std::overflow_error(function + ": the state or output is not finite");
      const bool counts = target.counts(entry);
      if (counts) total += entry_loss(loss, y, target, entry, model.output_size, scale, dy.data());
      row.step(counts ? dy.data() : nullptr);
      if (!row.settle(sum.data())) grown();
    }
    if (!row.gradient(sum.data())) grown();
  }
  if (!std::isfinite(total))
    throw std::overflow_error("the loss is " + std::to_string(total) +
                              ", expected a finite value; lower the learning rate or clip");
  network.shared()->fold(std::span<T>(sum));
  for (std::size_t j = 0; j < sum.size(); ++j) gradient[j] += sum[j];
  return total;
}

#define RECURRA_INSTANTIATE(T)                                                                                                   \
  template double online_gradient(const BasicNetwork<T>&, const Sequences<T>&, const Target<T>&, const Loss&, const OnlineRule&, \
                                  T*, const std::function<bool()>&, std::uint64_t);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
