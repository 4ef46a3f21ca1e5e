#include <algorithm>

#include "optimizer_rule.h"

namespace recurra {

namespace {

template <class T>
struct RmsPropRule final : OptimizerRule<T> {
  RmsPropRule(const RmsProp& s, Index count)
      : OptimizerRule<T>(count, s.learning_rate), settings(s), square(std::size_t(count), T(0)) {
    require_decay("RMSprop", s.decay);
    require_fraction("RMSprop", "alpha", s.alpha);
    require_fraction("RMSprop", "momentum", s.momentum);
    require_divisor<T>("RMSprop", "epsilon", s.epsilon);
    if (s.centered) mean.assign(std::size_t(count), T(0));
    if (s.momentum > 0) velocity.assign(std::size_t(count), T(0));
  }
  const char* name() const override { return "RMSprop"; }
  bool is_lazy() const override { return settings.lazy; }
  void update(T* w, const T* g, std::size_t begin, std::size_t end) override {
    const Decayed<T> decayed(settings.decay);
    const T rate = T(this->learning_rate), momentum = T(settings.momentum), epsilon = T(settings.epsilon);
    const T alpha = T(settings.alpha), rest = T(1 - settings.alpha);
    for (std::size_t i = begin; i < end; ++i) {
      const T slope = decayed(g[i], w[i]);
      square[i] = alpha * square[i] + rest * slope * slope;
      T variance = square[i];
      if (!mean.empty()) {
        mean[i] += rest * (slope - mean[i]);
        variance = std::max(variance - mean[i] * mean[i], T(0));  // rounding may leave it below 0
      }
      T step = slope / (std::sqrt(variance) + epsilon);
      if (!velocity.empty()) step = velocity[i] = momentum * velocity[i] + step;
      w[i] -= rate * step;
    }
  }
  std::map<std::string, std::vector<T>*> memory() override {
    std::map<std::string, std::vector<T>*> vectors{{"square", &square}};
    if (settings.centered) vectors["mean"] = &mean;
    if (settings.momentum > 0) vectors["velocity"] = &velocity;
    return vectors;
  }
  const RmsProp settings;
  std::vector<T> square, mean, velocity;
};

}  // namespace

template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const RmsProp& settings, Index count) {
  return std::make_unique<RmsPropRule<T>>(settings, count);
}

template std::unique_ptr<OptimizerRule<float>> make_rule<float>(const RmsProp&, Index);
template std::unique_ptr<OptimizerRule<double>> make_rule<double>(const RmsProp&, Index);

}  // namespace recurra
