#include "layer_rules.h"

#include <algorithm>

#include "frozen.h"
#include "influence.h"
#include "layer_rtrl.h"
#include "traces.h"

namespace recurra {

template <class T>
RulePlan plan_layerwise(const Model<T>& model, const OnlineOptions& options) {
  RulePlan plan;
  OnlineReport& report = plan.report;
  report.dropped = paths_between_layers(model);
  drop_leak(options, report);
  report.exact = report.dropped.empty();
  const double parameters = double(model.parameter_offset.back()), rows = double(options.batch);
  report.bytes = std::uint64_t(double(sizeof(T)) * (double(3 * plan.versions + 5) * parameters + rows * 4 * step_width(model)));
  report.flops_per_step = rows * 6 * parameters;
  return plan;
}

template <class T>
RulePlan plan_layer_rtrl(const Model<T>& model, const OnlineOptions& options, const Rtrl& rule) {
  RulePlan plan = plan_layerwise(model, options);
  OnlineReport& report = plan.report;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (!is_learner(model, i)) continue;
    const RulePlan layer = plan_rule(Model<T>({model.specs[i]}), options_of_layer(options, i), Rtrl{rule.block});
    plan.versions = std::max(plan.versions, layer.versions);
    report.block = std::max(report.block, layer.report.block);
    report.bytes += layer.report.bytes;
    report.flops_per_step += layer.report.flops_per_step;
  }
  report.rule = "RTRL(block=" + std::to_string(report.block) + ", scope=layer)";
  return plan;
}

template <class T>
RowRules<T> make_layer_rtrl(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options,
                            const Rtrl& rule) {
  std::vector<LayerLearners<T>> learners;  // by row
  for (Index row = 0; row < options.batch; ++row) learners.emplace_back(model.layers.size());
  const Rtrl exact{rule.block};
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (!is_learner(model, i)) continue;
    const auto network = std::make_shared<LayerNetwork<T>>(model.specs[i], history, model.parameter_offset[i]);
    const OnlineOptions own = options_of_layer(options, i);
    const RulePlan plan = plan_rule(network->model, own, exact);
    RowRules<T> rows = make_rules(network->model, network->history, own, plan, exact);
    for (std::size_t row = 0; row < rows.size(); ++row)
      learners[row][i] = std::make_unique<LayerRtrl<T>>(network, std::move(rows[row]));
  }
  RowRules<T> rules;
  for (auto& of_row : learners) rules.push_back(std::make_unique<LayerwiseRow<T>>(model, history, std::move(of_row)));
  return rules;
}

namespace {

template <class T>
const CellLayer<T>* diagonal_layer(const Model<T>& model) {
  const auto rows = influence_rows(model, 1);
  if (rows.size() != 1 || model.parameter_offset[rows.front().layers - 1] > 0) return nullptr;
  const auto* layer = dynamic_cast<const CellLayer<T>*>(model.layers[rows.front().layers - 1].get());
  return layer && is_diagonal(layer->layout()) ? layer : nullptr;
}

}  // namespace

template <class T>
bool is_diagonal(const Model<T>& model) {
  return diagonal_layer(model) != nullptr;
}

template <class T>
RulePlan plan_diagonal(const Model<T>& model, const OnlineOptions& options) {
  RulePlan plan = plan_layerwise(model, options);
  const CellLayout& layout = diagonal_layer(model)->layout();
  const double traces = double(options.batch) * double(TraceLearner<T>::size(layout));
  plan.report.rule = "RTRL (diagonal, O(p))";
  plan.report.bytes += std::uint64_t(traces * sizeof(T));
  plan.report.flops_per_step += traces * 2 * double(layout.carried.size() + 2);
  return plan;
}

template <class T>
RowRules<T> make_diagonal(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options) {
  RowRules<T> rules;
  const CellLayer<T>* layer = diagonal_layer(model);
  for (Index row = 0; row < options.batch; ++row) {
    LayerLearners<T> learners(model.layers.size());
    for (std::size_t i = 0; i < learners.size(); ++i)
      if (model.layers[i].get() == layer)
        learners[i] = std::make_unique<TraceLearner<T>>(*layer, TraceOptions{false, options.leak, options.guard});
    rules.push_back(std::make_unique<LayerwiseRow<T>>(model, history, std::move(learners)));
  }
  return rules;
}

#define RECURRA_INSTANTIATE(T)                                                                                       \
  template RulePlan plan_layerwise(const Model<T>&, const OnlineOptions&);                                           \
  template RulePlan plan_layer_rtrl(const Model<T>&, const OnlineOptions&, const Rtrl&);                             \
  template RowRules<T> make_layer_rtrl(const Model<T>&, const WeightHistory<T>&, const OnlineOptions&, const Rtrl&); \
  template bool is_diagonal(const Model<T>&);                                                                        \
  template RulePlan plan_diagonal(const Model<T>&, const OnlineOptions&);                                            \
  template RowRules<T> make_diagonal(const Model<T>&, const WeightHistory<T>&, const OnlineOptions&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
