#include "recurra/optimizer.h"

#include <algorithm>

#include "../network/ranges.h"
#include "../network/shared_parameters.h"
#include "optimizer_rule.h"

namespace recurra {

template <class T>
BasicOptimizer<T>::BasicOptimizer(const Optimizer& settings, Index count)
    : rule_(std::visit([&](const auto& s) { return make_rule<T>(s, count); }, settings)) {
  set_learning_rate(rule_->learning_rate);
}
template <class T>
BasicOptimizer<T>::~BasicOptimizer() = default;
template <class T>
BasicOptimizer<T>::BasicOptimizer(BasicOptimizer&&) noexcept = default;

template <class T>
void BasicOptimizer<T>::check_lengths(std::size_t parameters, std::size_t gradient) const {
  if (parameters != rule_->num_parameters || gradient != rule_->num_parameters)
    throw std::invalid_argument("update: got " + std::to_string(parameters) + " parameters and a gradient of length " +
                                std::to_string(gradient) + ", expected " + std::to_string(rule_->num_parameters));
}

template <class T>
void BasicOptimizer<T>::update(std::span<T> parameters, std::span<const T> gradient) {
  check_lengths(parameters.size(), gradient.size());
  ++rule_->updates;
  rule_->update(parameters.data(), gradient.data(), 0, rule_->num_parameters);
}

template <class T>
void BasicOptimizer<T>::update(BasicNetwork<T>& network, std::span<const T> gradient) {
  update(network, gradient, *network.shared());
}

template <class T>
void BasicOptimizer<T>::update(BasicNetwork<T>& network, std::span<const T> gradient, const Ranges& touched) {
  if (!rule_->is_lazy()) return update(network, gradient);
  const std::span<T> parameters = network.flat();
  check_lengths(parameters.size(), gradient.size());
  ++rule_->updates;
  for (const Range& range : network.shared()->learning())
    for_each_common(touched, range, [&](Index begin, Index end) {
      rule_->update(parameters.data(), gradient.data(), std::size_t(begin), std::size_t(end));
    });
  network.shared()->share(parameters);
}

template <class T>
void BasicOptimizer<T>::update(BasicNetwork<T>& network, std::span<const T> gradient, const SharedParameters& shared) {
  const std::span<T> parameters = network.flat();
  check_lengths(parameters.size(), gradient.size());
  ++rule_->updates;
  for (const auto& [begin, end] : shared.learning())
    rule_->update(parameters.data(), gradient.data(), std::size_t(begin), std::size_t(end));
  shared.share(parameters);
}

template <class T>
void BasicOptimizer<T>::set_learning_rate(double rate) {
  require_amount(rule_->name(), "learning_rate", rate);
  rule_->learning_rate = rate;
}

template <class T>
double BasicOptimizer<T>::learning_rate() const {
  return rule_->learning_rate;
}

template <class T>
OptimizerState<T> BasicOptimizer<T>::state() const {
  OptimizerState<T> state{rule_->updates};
  for (const auto& [name, vector] : rule_->memory()) state.vectors[name] = *vector;
  return state;
}

template <class T>
void BasicOptimizer<T>::set_state(OptimizerState<T> state) {
  const auto refuse = [&](const std::string& what) {
    throw std::invalid_argument(std::string(rule_->name()) + ": state " + what);
  };
  const std::map<std::string, std::vector<T>*> memory = rule_->memory();
  for (const auto& [name, vector] : memory) {
    const auto given = state.vectors.find(name);
    if (given == state.vectors.end()) refuse("lacks the vector '" + name + "'");
    if (given->second.size() != rule_->num_parameters)
      refuse("has '" + name + "' of length " + std::to_string(given->second.size()) + ", expected " +
             std::to_string(rule_->num_parameters));
    if (std::ranges::any_of(given->second, [](T value) { return std::isnan(value); }))
      refuse("has nan in '" + name + "', expected numbers");  // a square may have overflowed: such a parameter rests
  }
  for (const auto& [name, vector] : state.vectors)
    if (!memory.contains(name)) refuse("has the vector '" + name + "', which is unknown");
  rule_->updates = state.updates;
  for (const auto& [name, vector] : memory) *vector = std::move(state.vectors[name]);
}

template class BasicOptimizer<float>;
template class BasicOptimizer<double>;

}  // namespace recurra
