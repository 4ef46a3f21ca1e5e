// The approximations that each keep little of a cell layer: SnAp-1, e-prop, RFLO, KF-RTRL.
#include <cmath>
#include <stdexcept>

#include "../math/random.h"
#include "kf_rtrl.h"
#include "layer_rules.h"
#include "traces.h"

namespace recurra {

namespace {

[[noreturn]] void refuse(const OnlineOptions& options, const std::string& why) {
  throw std::invalid_argument("Online: " + describe_rule(options.rule) + " " + why);
}

// The cell layer that learns from its past. Throws if it is no cell, or one that the rules do not admit.
template <class T>
const CellLayer<T>& cell_of(const Model<T>& model, std::size_t i, const OnlineOptions& options) {
  const auto* layer = dynamic_cast<const CellLayer<T>*>(model.layers[i].get());
  if (!layer)
    refuse(options, "does not admit " + layer_name(model, i) +
                        ", which has a state and parameters inside, expected a cell; RTRL and its scope=layer take any layer");
  const std::string obstacle = unit_obstacle(layer->layout());
  if (!obstacle.empty())
    refuse(options, "does not admit " + layer_name(model, i) + ": " + obstacle +
                        ", expected a cell whose parameters each belong to one unit; RTRL and its scope=layer take any layer");
  return *layer;
}

template <class T, class Visit>
void for_each_cell(const Model<T>& model, const OnlineOptions& options, const Visit& visit) {
  for (std::size_t i = 0; i < model.layers.size(); ++i)
    if (is_learner(model, i)) visit(i, cell_of(model, i, options));
}

template <class T, class Make>
RowRules<T> make_rows(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, const Make& make,
                      std::shared_ptr<const RandomFeedback<T>> feedback = {}) {
  RowRules<T> rules;
  for (Index row = 0; row < options.batch; ++row) {
    LayerLearners<T> learners(model.layers.size());
    for_each_cell(model, options, [&](std::size_t i, const CellLayer<T>& layer) { learners[i] = make(row, i, layer); });
    rules.push_back(std::make_unique<LayerwiseRow<T>>(model, history, std::move(learners), feedback));
  }
  return rules;
}

// `recurrent`: the rule keeps what a unit does to itself through R.
template <class T>
RulePlan plan_traces(const Model<T>& model, const OnlineOptions& options, bool recurrent) {
  RulePlan plan = plan_layerwise(model, options);
  OnlineReport& report = plan.report;
  report.rule = describe_rule(options.rule);
  for_each_cell(model, options, [&](std::size_t i, const CellLayer<T>& layer) {
    const CellLayout& layout = layer.layout();
    const double traces = double(options.batch) * double(TraceLearner<T>::size(layout));
    report.bytes += std::uint64_t(traces * sizeof(T));
    report.flops_per_step += traces * 2 * double(layout.carried.size() + 2);
    if (layout.feed.products.empty() || (recurrent && layout.hidden_size == layout.options.heads)) return;
    report.dropped.push_back("in " + layer_name(model, i) + ", what " +
                             (recurrent ? "units do to each other" : "returns through R"));
  });
  report.exact = report.dropped.empty();
  return plan;
}

template <class T>
RowRules<T> make_traces(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, bool recurrent,
                        std::shared_ptr<const RandomFeedback<T>> feedback = {}) {
  return make_rows(
      model, history, options,
      [&](Index, std::size_t, const CellLayer<T>& layer) {
        return std::make_unique<TraceLearner<T>>(layer, TraceOptions{recurrent, options.leak, options.guard});
      },
      std::move(feedback));
}

// Whether weights stand above a layer, in whose place errors come back by a random matrix.
template <class T>
bool has_weights_above(const Model<T>& model, std::size_t layer) {
  return model.parameter_offset[layer + 1] < model.parameter_offset.back();
}

}  // namespace

std::string describe_settings(const SnAp& r) { return "SnAp(" + std::to_string(r.order) + ")"; }

template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options, const SnAp& rule) {
  if (rule.order < 1) refuse(options, "has order = " + std::to_string(rule.order) + ", expected 1");
  if (rule.order > 1)
    refuse(options, "keeps what reaches a unit within " + std::to_string(rule.order) +
                        " steps, which is everything where R is dense: that is RTRL; expected order = 1");
  return plan_traces(model, options, true);
}
template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, const RulePlan&,
                       const SnAp&) {
  return make_traces(model, history, options, true);
}

std::string describe_settings(const EProp&) { return "EProp()"; }

template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options, const EProp&) {
  return plan_traces(model, options, false);
}
template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, const RulePlan&,
                       const EProp&) {
  return make_traces(model, history, options, false);
}

std::string describe_settings(const Rflo& r) { return "RFLO(seed=" + std::to_string(r.seed) + ")"; }

template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options, const Rflo&) {
  for (std::size_t i = 0; i < model.layers.size(); ++i)
    if (is_learner(model, i) && model.specs[i].type != "LeakyElman")
      refuse(options, "does not admit " + layer_name(model, i) + ", expected LeakyElman as the only kind of layer with a state");
  RulePlan plan = plan_traces(model, options, false);
  for_each_cell(model, options, [&](std::size_t i, const CellLayer<T>& layer) {
    if (!has_weights_above(model, i)) return;
    plan.report.dropped.push_back("the weights above " + layer_name(model, i) + ": errors come by a random matrix");
    plan.report.bytes += std::uint64_t(layer.output_size() * model.output_size) * sizeof(T);
  });
  plan.report.exact = plan.report.dropped.empty();
  return plan;
}
template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, const RulePlan&,
                       const Rflo& rule) {
  const auto feedback = std::make_shared<RandomFeedback<T>>(model.layers.size());
  for_each_cell(model, options, [&](std::size_t i, const CellLayer<T>& layer) {
    if (!has_weights_above(model, i)) return;
    Random random(mix(rule.seed, std::uint64_t(i)));
    const double scale = 1 / std::sqrt(double(layer.output_size()));
    for (Index j = 0; j < layer.output_size() * model.output_size; ++j)
      (*feedback)[i].push_back(T(random.uniform(-scale, scale)));
  });
  return make_traces<T>(model, history, options, false, feedback);
}

std::string describe_settings(const KfRtrl& r) { return "KFRTRL(seed=" + std::to_string(r.seed) + ")"; }

template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options, const KfRtrl&) {
  RulePlan plan = plan_layerwise(model, options);
  OnlineReport& report = plan.report;
  report.rule = describe_rule(options.rule);
  for_each_cell(model, options, [&](std::size_t i, const CellLayer<T>& layer) {
    const CellLayout& layout = layer.layout();
    const double columns = double(KfLearner<T>::columns(layout)), rows = double(options.batch);
    const double tape = double(layout.da_width + 2 * layout.state_width);
    report.bytes +=
        std::uint64_t(rows * sizeof(T) * (columns * (double(layout.carried_width) + tape) + double(KfLearner<T>::width(layout))));
    report.flops_per_step += rows * columns * (2 * double(layout.a_width) * double(layout.feed.columns) + 8 * tape);
    report.dropped.push_back("in " + layer_name(model, i) + ", all but a Kronecker product with the same mean");
  });
  report.exact = report.dropped.empty();
  return plan;
}
template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, const RulePlan&,
                       const KfRtrl& rule) {
  return make_rows(model, history, options, [&](Index row, std::size_t i, const CellLayer<T>& layer) {
    return std::make_unique<KfLearner<T>>(
        layer, KfOptions{mix(mix(rule.seed, std::uint64_t(row)), std::uint64_t(i)), options.leak, options.guard});
  });
}

RECURRA_INSTANTIATE_RULE(SnAp)
RECURRA_INSTANTIATE_RULE(EProp)
RECURRA_INSTANTIATE_RULE(Rflo)
RECURRA_INSTANTIATE_RULE(KfRtrl)

}  // namespace recurra
