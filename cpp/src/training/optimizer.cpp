#include "recurra/optimizer.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace recurra {

namespace {

void require(bool condition, const std::string& optimizer, const std::string& name, double value, const std::string& expected) {
  if (!condition)
    throw std::invalid_argument(optimizer + ": " + name + " is " + std::to_string(value) + ", expected " + expected);
}

bool is_fraction(double value) { return value >= 0 && value < 1; }
bool is_amount(double value) { return value >= 0 && std::isfinite(value); }

void check_common(const std::string& optimizer, double learning_rate, const Decay& decay) {
  require(is_amount(learning_rate), optimizer, "learning_rate", learning_rate, "a finite number >= 0");
  require(is_amount(decay.l2), optimizer, "l2", decay.l2, "a finite number >= 0");
  require(is_amount(decay.l1), optimizer, "l1", decay.l1, "a finite number >= 0");
}

template <class T>
T decayed(T gradient, T parameter, T l2, T l1) {
  return gradient + l2 * parameter + l1 * T((parameter > T(0)) - (parameter < T(0)));
}

}  // namespace

template <class T>
struct BasicOptimizer<T>::Rule {
  explicit Rule(Index count) : num_parameters(std::size_t(count)) {}
  virtual ~Rule() = default;
  virtual void update(T* w, const T* g) = 0;
  const std::size_t num_parameters;
};

namespace {

template <class T>
struct SgdRule final : BasicOptimizer<T>::Rule {
  SgdRule(const Sgd& s, Index count) : BasicOptimizer<T>::Rule(count), settings(s) {
    check_common("SGD", s.learning_rate, s.decay);
    require(is_fraction(s.momentum), "SGD", "momentum", s.momentum, "0 <= momentum < 1");
    velocity.assign(s.momentum > 0 ? std::size_t(count) : 0, T(0));
  }
  void update(T* w, const T* g) override {
    const T rate = T(settings.learning_rate), momentum = T(settings.momentum), l2 = T(settings.decay.l2),
            l1 = T(settings.decay.l1);
    for (std::size_t i = 0; i < this->num_parameters; ++i) {
      T step = decayed(g[i], w[i], l2, l1);
      if (!velocity.empty()) step = velocity[i] = momentum * velocity[i] + step;
      w[i] -= rate * step;
    }
  }
  Sgd settings;
  std::vector<T> velocity;
};

template <class T>
struct AdamRule final : BasicOptimizer<T>::Rule {
  AdamRule(const Adam& s, Index count)
      : BasicOptimizer<T>::Rule(count), settings(s), mean(std::size_t(count), T(0)), square(std::size_t(count), T(0)) {
    check_common("Adam", s.learning_rate, s.decay);
    require(is_fraction(s.beta1), "Adam", "beta1", s.beta1, "0 <= beta1 < 1");
    require(is_fraction(s.beta2), "Adam", "beta2", s.beta2, "0 <= beta2 < 1");
    require(is_amount(s.epsilon) && T(s.epsilon) > T(0), "Adam", "epsilon", s.epsilon,
            "a finite number > 0 in the network's dtype");
  }
  void update(T* w, const T* g) override {
    ++steps;
    const T beta1 = T(settings.beta1), beta2 = T(settings.beta2), epsilon = T(settings.epsilon);
    const T l2 = T(settings.decay.l2), l1 = T(settings.decay.l1);
    const T rate = T(settings.learning_rate / (1 - std::pow(settings.beta1, steps)));
    const T correction = T(1 / std::sqrt(1 - std::pow(settings.beta2, steps)));
    T* const m = mean.data();
    T* const v = square.data();
    for (std::size_t i = 0; i < this->num_parameters; ++i) {
      const T step = decayed(g[i], w[i], l2, l1);
      m[i] = beta1 * m[i] + (1 - beta1) * step;
      v[i] = beta2 * v[i] + (1 - beta2) * step * step;
      w[i] -= rate * m[i] / (std::sqrt(v[i]) * correction + epsilon);
    }
  }
  Adam settings;
  std::vector<T> mean, square;
  double steps = 0;
};

}  // namespace

template <class T>
BasicOptimizer<T>::BasicOptimizer(const Sgd& settings, Index count) : rule_(std::make_unique<SgdRule<T>>(settings, count)) {}
template <class T>
BasicOptimizer<T>::BasicOptimizer(const Adam& settings, Index count) : rule_(std::make_unique<AdamRule<T>>(settings, count)) {}
template <class T>
BasicOptimizer<T>::~BasicOptimizer() = default;
template <class T>
BasicOptimizer<T>::BasicOptimizer(BasicOptimizer&&) noexcept = default;

template <class T>
void BasicOptimizer<T>::update(std::span<T> parameters, std::span<const T> gradient) {
  if (parameters.size() != rule_->num_parameters || gradient.size() != rule_->num_parameters)
    throw std::invalid_argument("update: got " + std::to_string(parameters.size()) + " parameters and a gradient of length " +
                                std::to_string(gradient.size()) + ", expected " + std::to_string(rule_->num_parameters));
  rule_->update(parameters.data(), gradient.data());
}

template <class T>
double gradient_norm(std::span<const T> gradient) {
  double sum = 0;
  for (const T value : gradient) sum += double(value) * double(value);
  return std::sqrt(sum);
}

template <class T>
void clip_norm(std::span<T> gradient, double limit) {
  const double norm = gradient_norm<T>(gradient);
  if (!(norm > limit)) return;
  const T factor = T(limit / norm);
  for (T& value : gradient) value *= factor;
}

template <class T>
void clip_value(std::span<T> gradient, double limit) {
  for (T& value : gradient) value = std::clamp(value, T(-limit), T(limit));
}

#define RECURRA_INSTANTIATE(T)                       \
  template class BasicOptimizer<T>;                  \
  template double gradient_norm(std::span<const T>); \
  template void clip_norm(std::span<T>, double);     \
  template void clip_value(std::span<T>, double);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
