// What rules have in common, whichever they are.
#include <algorithm>
#include <stdexcept>

#include "../backends/select.h"
#include "row_rule.h"

namespace recurra {

namespace {

// Rules need a state of constant size that depends on earlier steps alone, and outputs step by step.
template <class T>
void check_causal(const Model<T>& model) {
  model.expect_sequences("Online");
  const auto layer = [&](std::size_t i) { return "Online: layer " + std::to_string(i) + " (" + model.specs[i].type + ") "; };
  if (model.decodes())
    throw std::invalid_argument(layer(0) +
                                "reads a sequence to its end before it writes another, expected a network whose outputs "
                                "come step by step");
  if (model.looks_ahead())
    throw std::invalid_argument(layer(model.looking_ahead) +
                                "looks ahead, expected a network whose outputs depend on earlier steps alone");
  if (model.pools())
    throw std::invalid_argument(layer(model.pooling) +
                                "pools over time, expected an output at each step; to learn from a sequence's last output alone, "
                                "give a target at its last step only");
}

}  // namespace

std::string describe_rule(const OnlineRule& rule) {
  return std::visit([](const auto& r) { return describe_settings(r); }, rule);
}

void drop_leak(const OnlineOptions& options, OnlineReport& report) {
  if (options.leak != 1) report.dropped.push_back("what leaked: influence decays by " + std::to_string(options.leak) + " a step");
}

// The numbers that a step keeps, values alone: about.
template <class T>
double step_width(const Model<T>& model) {
  double width = double(model.input_size);
  for (const auto& layer : model.layers) {
    for (const ParameterSpec& p : layer->parameters()) width += p.shape.size() > 1 ? double(p.shape.front()) : 0;
    width += double(layer->output_size());
  }
  return width + 2 * double(model.state_offset.back());
}

// What the gradients of one row are multiplied in, which does not depend on how many steps it keeps: about.
template <class T>
double scratch_size(const Model<T>& model) {
  double size = 0;
  for (std::size_t i = model.takes_ids() ? 1 : 0; i < model.layers.size(); ++i)  // ids are looked up
    for (const ParameterSpec& p : model.layers[i]->parameters())
      if (p.shape.size() == 2) size += double(kernels<T>(backend()).products.outer_scratch(p.shape[0], p.shape[1]));
  return size;
}

template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options) {
  check_causal(model);
  RulePlan plan = std::visit([&](const auto& rule) { return plan_rule(model, options, rule); }, options.rule);
  const double rows = double(options.batch) + 1;  // and what rows take turns with
  plan.report.bytes = std::uint64_t(std::min(1e19, double(plan.report.bytes) + rows * double(sizeof(T)) * scratch_size(model)));
  return plan;
}

template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options,
                       const RulePlan& plan) {
  return std::visit([&](const auto& rule) { return make_rules(model, history, options, plan, rule); }, options.rule);
}

#define RECURRA_INSTANTIATE(T)                                        \
  template double step_width(const Model<T>&);                        \
  template RulePlan plan_rule(const Model<T>&, const OnlineOptions&); \
  template RowRules<T> make_rules(const Model<T>&, const WeightHistory<T>&, const OnlineOptions&, const RulePlan&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
