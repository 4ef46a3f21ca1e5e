#include "uoro.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "../backends/select.h"
#include "../math/hash.h"

namespace recurra {

namespace {

// The Euclidean norm, in lanes, so that the sum need not wait for itself.
template <class T>
double norm(const std::vector<T>& values) {
  constexpr std::size_t lanes = 16;
  std::array<T, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) sums[k] += values[i + k] * values[i + k];
  double sum = 0;
  for (; i < values.size(); ++i) sum += double(values[i]) * double(values[i]);
  for (const T lane : sums) sum += double(lane);
  return std::sqrt(sum);
}

// What makes the factors of a term equally large: the first times it, the second divided by it.
double balance(double first, double second) {
  constexpr double epsilon = 1e-7;  // the paper's, lest a factor of zero divide
  return std::sqrt(second / (first + epsilon)) + epsilon;
}

template <class T>
double largest(const std::vector<T>& values) {
  return double(kernels<T>(backend()).reductions.largest(values.data(), Index(values.size())));
}

}  // namespace

template <class T>
UoroRow<T>::UoroRow(const Model<T>& model, const WeightHistory<T>& history, double leak, double guard, std::uint64_t key,
                    std::shared_ptr<Scratch> scratch)
    : RowRule<T>(model, history, 1),
      leak_(leak),
      guard_(guard),
      key_(key),
      scratch_(std::move(scratch)),
      state_factor_(scratch_->signs.size()),
      parameter_factor_(scratch_->immediate.size()),
      cotangent_(state_factor_.size(), T(1)) {
  std::vector<T> found(parameter_factor_.size());
  this->block_.walk_back_start(cotangent_.data(), found.data());
  learns_start_ = largest(found) > 0;
}

template <class T>
void UoroRow<T>::clear() {
  std::fill(state_factor_.begin(), state_factor_.end(), T(0));
  std::fill(parameter_factor_.begin(), parameter_factor_.end(), T(0));
}

// By place: element, draw, row and seed. States that no parameter can influence have none, which would only be noise.
template <class T>
void UoroRow<T>::draw_signs() {
  const Model<T>& model = this->model_;
  const std::uint64_t key = mix(key_, std::uint64_t(draws_++));
  std::uint64_t bits = 0;
  std::fill(scratch_->signs.begin(), scratch_->signs.end(), T(0));
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer)
    for (Index j = model.state_offset[layer]; model.parameter_offset[layer + 1] > 0 && j < model.state_offset[layer + 1]; ++j) {
      if (j % 64 == 0 || j == model.state_offset[layer]) bits = mix(key, std::uint64_t(j / 64));
      scratch_->signs[std::size_t(j)] = bits >> (j % 64) & 1 ? T(1) : T(-1);
    }
}

template <class T>
void UoroRow<T>::join() {
  const auto& [signs, carried, immediate] = *scratch_;
  const double rho0 = balance(leak_ * norm(carried), norm(parameter_factor_)), rho1 = balance(norm(signs), norm(immediate));
  const T s0 = T(rho0 * leak_), s1 = T(rho1), p0 = T(1 / rho0), p1 = T(1 / rho1);
  for (std::size_t i = 0; i < signs.size(); ++i) state_factor_[i] = s0 * carried[i] + s1 * signs[i];
  for (std::size_t j = 0; j < immediate.size(); ++j) parameter_factor_[j] = p0 * parameter_factor_[j] + p1 * immediate[j];
}

// Learned initial states: their influence is the identity, estimated like that of a step.
template <class T>
void UoroRow<T>::reset() {
  RowRule<T>::reset();
  clear();
  if (!learns_start_) return;
  draw_signs();
  std::fill(scratch_->immediate.begin(), scratch_->immediate.end(), T(0));
  std::fill(scratch_->carried.begin(), scratch_->carried.end(), T(0));
  this->block_.walk_back_start(scratch_->signs.data(), scratch_->immediate.data());
  join();
}

template <class T>
bool UoroRow<T>::gradient(T* to) {
  if (!this->block_.learned()) return true;
  const T given = this->block_.walk_back(to, cotangent_.data());
  if (!(largest(cotangent_) <= guard_ * double(given))) return false;
  double along = 0;
  for (std::size_t i = 0; i < cotangent_.size(); ++i) along += double(cotangent_[i]) * double(state_factor_[i]);
  const T scale = T(leak_ * along);
  for (std::size_t j = 0; j < parameter_factor_.size(); ++j) to[j] += scale * parameter_factor_[j];
  return true;
}

template <class T>
bool UoroRow<T>::settle(T* to, bool) {
  Block<T>& block = this->block_;
  if (block.steps() == 0) return true;
  if (!gradient(to)) return false;
  block.tangent(state_factor_.data(), scratch_->carried.data());
  draw_signs();
  std::fill(scratch_->immediate.begin(), scratch_->immediate.end(), T(0));
  block.walk_back_state(scratch_->signs.data(), scratch_->immediate.data());
  join();
  this->save_state(this->state_.data());
  block.begin(this->state_.data());
  return largest(state_factor_) * largest(parameter_factor_) <= guard_;  // not so if one is no number
}

template <class T>
void UoroRow<T>::forget() {
  clear();
  this->save_state(this->state_.data());
  this->block_.begin(this->state_.data());
}

template <class T>
void UoroRow<T>::influence(Index offset, Index size, T* to) {
  for (const T s : state_factor_)
    for (Index j = 0; j < size; ++j) *to++ = s * parameter_factor_[std::size_t(offset + j)];
}

template <class T>
void UoroRow<T>::save(OnlineFile<T>& file, const std::string& prefix) const {
  RowRule<T>::save(file, prefix);
  file.put(prefix + "state_factor", state_factor_);
  file.put(prefix + "parameter_factor", parameter_factor_);
  file.put(prefix + "draws", draws_);
}

template <class T>
void UoroRow<T>::load(const OnlineFile<T>& file, const std::string& prefix) {
  RowRule<T>::load(file, prefix);
  file.copy(prefix + "state_factor", state_factor_);
  file.copy(prefix + "parameter_factor", parameter_factor_);
  draws_ = file.number(prefix + "draws");
}

std::string describe_settings(const Uoro& r) { return "UORO(seed=" + std::to_string(r.seed) + ")"; }

template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options, const Uoro& rule) {
  RulePlan plan;
  OnlineReport& report = plan.report;
  report.rule = describe_settings(rule);
  report.exact = false;
  report.dropped.push_back("all but an outer product with the same mean: an unbiased estimate");
  drop_leak(options, report);
  const double parameters = double(model.parameter_offset.back()), rows = double(options.batch);
  report.bytes = std::uint64_t(double(sizeof(T)) *
                               (double(plan.versions) * 3 * parameters + (6 + rows) * parameters + 4 * step_width(model) * rows));
  report.flops_per_step = rows * (2 * 6 + 9) * parameters;
  return plan;
}

template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options, const RulePlan&,
                       const Uoro& rule) {
  RowRules<T> rules;
  const auto scratch = std::make_shared<typename UoroRow<T>::Scratch>(model);
  for (Index row = 0; row < options.batch; ++row)
    rules.push_back(
        std::make_unique<UoroRow<T>>(model, history, options.leak, options.guard, mix(rule.seed, std::uint64_t(row)), scratch));
  return rules;
}

template class UoroRow<float>;
template class UoroRow<double>;
RECURRA_INSTANTIATE_RULE(Uoro)

}  // namespace recurra
