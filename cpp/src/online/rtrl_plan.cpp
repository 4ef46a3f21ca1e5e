// What exact RTRL needs on a network, and how long its blocks are.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "frozen.h"
#include "influence.h"
#include "layer_rules.h"
#include "rtrl.h"

namespace recurra {

std::string describe_settings(const Rtrl& r) {
  return "RTRL(block=" + std::to_string(r.block) + (r.scope == Rtrl::Scope::layer ? ", scope=layer)" : ")");
}

template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options, const Rtrl& rule) {
  if (rule.block < 0)
    throw std::invalid_argument("RTRL: block is " + std::to_string(rule.block) +
                                ", expected at least 1, or 0 for one that suits");
  if (rule.scope == Rtrl::Scope::layer) return plan_layer_rtrl(model, options, rule);
  if (rule.block == 0 && is_diagonal(model)) return plan_diagonal(model, options);
  RulePlan plan;
  const double parameters = double(model.parameter_offset.back()), every = double(options.update_every);
  double area = 0, product = 0;  // elements of J; multiply-adds of W J
  Index widest = 1;
  const std::vector<InfluenceRows> all = influence_rows(model, 1, first_learning_layer(model, options.frozen));
  for (const InfluenceRows& rows : all) {
    area += double(rows.last - rows.first) * double(rows.columns);
    for (const InfluenceRows& below : all)
      if (below.layers <= rows.layers)
        product += double(rows.last - rows.first) * double(below.last - below.first) * double(below.columns);
    widest = std::max(widest, rows.last - rows.first);
  }
  plan.seeds = std::min<Index>(widest, 16);
  // A longer block saves products W J and makes walks longer, which are bound by memory: each step has weights of its own.
  constexpr double walk_cost = 1.3;
  const double version = 3 * parameters;
  const double step = 2 * step_width(model) * double(1 + plan.seeds) + version / every;
  Index block = std::min(rule.block, Index(1) << 40);  // which no memory holds
  if (block == 0) {
    const double best = std::sqrt(product * every / (walk_cost * std::max(parameters, 1.0)));
    const double affordable = std::max(1.0, (3 * area + version) / step);
    block = Index(std::clamp(std::min(best, affordable), 1.0, 512.0));
    if (block > options.update_every) block -= block % options.update_every;  // no update splits a walk then
  }
  if (options.leak != 1) block = 1;
  plan.versions = (block + options.update_every - 1) / options.update_every + 3;
  OnlineReport& report = plan.report;
  report.rule = "RTRL(block=" + std::to_string(block) + ")";
  report.block = block;
  report.exact = options.leak == 1;
  drop_leak(options, report);
  const double states = double(model.state_offset.back()), rows = double(options.batch);
  report.bytes = std::uint64_t(std::min(
      1e19, double(sizeof(T)) * ((rows + 1) * area + states * states + double(plan.versions) * version +
                                 double(block) * 2 * step_width(model) * rows * double(1 + plan.seeds) + 5 * parameters)));
  report.flops_per_step =
      rows * (2 * parameters + (2 * area + 2 * double(block) * parameters) / every + 4 * area + 2 * product / double(block));
  return plan;
}

template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, const RulePlan& plan,
                       const Rtrl& rule) {
  if (rule.scope == Rtrl::Scope::layer) return make_layer_rtrl(model, history, options, rule);
  if (rule.block == 0 && is_diagonal(model)) return make_diagonal(model, history, options);
  RowRules<T> rules;
  const std::size_t learning = first_learning_layer(model, options.frozen);
  const auto scratch = std::make_shared<typename RtrlRow<T>::Scratch>(model, plan.seeds, learning);
  const typename RtrlRow<T>::Settings settings{plan.report.block, plan.seeds, learning, options.leak, options.guard};
  for (Index row = 0; row < options.batch; ++row)
    rules.push_back(std::make_unique<RtrlRow<T>>(model, history, settings, scratch));
  return rules;
}

RECURRA_INSTANTIATE_RULE(Rtrl)

}  // namespace recurra
