#include "rolling_bptt.h"

#include <algorithm>
#include <stdexcept>

#include "../backends/select.h"

namespace recurra {

template <class T>
RollingBpttRow<T>::RollingBpttRow(const Model<T>& model, const WeightHistory<T>& history, Index window, Index capacity,
                                  double guard)
    : RowRule<T>(model, history, capacity), window_(window), guard_(guard), cotangent_(this->state_.size()) {}

template <class T>
void RollingBpttRow<T>::reset() {
  RowRule<T>::reset();
  from_start_ = true;
}

template <class T>
bool RollingBpttRow<T>::arrived(T given, Index from, T* to) {
  if (from == 1 && from_start_) this->block_.add_initial_gradient(to);
  const T most = kernels<T>(backend()).reductions.largest(cotangent_.data(), Index(cotangent_.size()));
  return double(most) <= guard_ * double(given);
}

// Errors that all go back to the sequence's start share a walk. Others do not: each one ends at a step of its own.
template <class T>
bool RollingBpttRow<T>::gradient(T* to) {
  Block<T>& block = this->block_;
  if (block.learned() && from_start_ && block.steps() <= window_) return arrived(block.walk_back(to, cotangent_.data()), 1, to);
  for (Index level = 1; block.learned() && level <= block.steps(); ++level) {
    if (!block.learned(level)) continue;
    const Index from = std::max<Index>(1, level - window_ + 1);
    if (!arrived(block.walk_back_one(level, to, cotangent_.data(), from), from, to)) return false;
  }
  return true;
}

// Steps go when there is no room, and when the next update may take their weights away, which only a reload brings about.
template <class T>
bool RollingBpttRow<T>::settle(T* to, bool) {
  Block<T>& block = this->block_;
  Index gone = block.full() ? block.steps() - window_ + 1 : 0;
  while (gone < block.steps() && block.version(gone + 1) < this->history_.now() + 2 - this->history_.depth()) ++gone;
  if (gone == 0) return true;
  if (!gradient(to)) return false;
  block.forget(gone);
  from_start_ = false;
  return true;
}

template <class T>
void RollingBpttRow<T>::forget() {
  this->save_state(this->state_.data());
  this->block_.begin(this->state_.data());
  from_start_ = false;
}

template <class T>
void RollingBpttRow<T>::save(OnlineFile<T>& file, const std::string& prefix) const {
  RowRule<T>::save(file, prefix);
  file.put(prefix + "from_start", std::int64_t(from_start_));
}

template <class T>
void RollingBpttRow<T>::load(const OnlineFile<T>& file, const std::string& prefix) {
  RowRule<T>::load(file, prefix);
  from_start_ = file.number(prefix + "from_start", 0, 1) != 0;
}

std::string describe_settings(const RollingBptt& r) { return "BPTT(window=" + std::to_string(r.window) + ")"; }

template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options, const RollingBptt& rule) {
  if (rule.window < 1) throw std::invalid_argument("BPTT: window is " + std::to_string(rule.window) + ", expected at least 1");
  if (options.leak != 1)
    throw std::invalid_argument("Online: leak is " + std::to_string(options.leak) +
                                ", expected 1 for BPTT, which forgets what its window does not reach");
  constexpr Index most = Index(1) << 40;  // steps that no memory holds
  const Index window = std::min(rule.window, most), capacity = window + window / 2;
  RulePlan plan;
  plan.versions = (capacity - 1) / options.update_every + 4;
  OnlineReport& report = plan.report;
  report.rule = describe_settings(rule);
  report.exact = false;
  report.dropped.push_back("what lies more than " + std::to_string(rule.window) + " steps back");
  const double parameters = double(model.parameter_offset.back()), rows = double(options.batch);
  const double values = (double(plan.versions) * 3 + 5) * parameters + double(capacity) * 4 * step_width(model) * rows;
  report.bytes = std::uint64_t(std::min(double(sizeof(T)) * values, 1e19));
  const double replayed = double(window - 1) / double(capacity - window + 1);
  report.flops_per_step = rows * 2 * parameters * (1 + replayed + 2 * double(window));
  return plan;
}

template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, const RulePlan&,
                       const RollingBptt& rule) {
  RowRules<T> rules;
  for (Index row = 0; row < options.batch; ++row)
    rules.push_back(
        std::make_unique<RollingBpttRow<T>>(model, history, rule.window, rule.window + rule.window / 2, options.guard));
  return rules;
}

template class RollingBpttRow<float>;
template class RollingBpttRow<double>;
RECURRA_INSTANTIATE_RULE(RollingBptt)

}  // namespace recurra
