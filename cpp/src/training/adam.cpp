// Adam and AdamW: one rule, which differs in where the decay enters.
#include "optimizer_rule.h"

namespace recurra {

namespace {

template <class T>
struct AdamRule final : OptimizerRule<T> {
  AdamRule(const char* optimizer, const Adam& s, double weight_decay, Index count)
      : OptimizerRule<T>(count, s.learning_rate),
        label(optimizer),
        settings(s),
        decoupled(weight_decay),
        mean(std::size_t(count), T(0)),
        square(std::size_t(count), T(0)) {
    require_decay(label, s.decay);
    require_amount(label, "weight_decay", weight_decay);
    require_fraction(label, "beta1", s.beta1);
    require_fraction(label, "beta2", s.beta2);
    require_divisor<T>(label, "epsilon", s.epsilon);
  }
  const char* name() const override { return label; }
  bool is_lazy() const override { return settings.lazy; }
  void update(T* w, const T* g, std::size_t begin, std::size_t end) override {
    const Decayed<T> decayed(settings.decay);
    const double steps = double(this->updates);
    const T beta1 = T(settings.beta1), beta2 = T(settings.beta2), epsilon = T(settings.epsilon);
    const T rate = T(this->learning_rate / (1 - std::pow(settings.beta1, steps)));
    const T correction = T(1 / std::sqrt(1 - std::pow(settings.beta2, steps)));
    const T kept = T(1 - this->learning_rate * decoupled);
    T* const m = mean.data();
    T* const v = square.data();
    for (std::size_t i = begin; i < end; ++i) {
      const T step = decayed(g[i], w[i]);
      m[i] = beta1 * m[i] + (1 - beta1) * step;
      v[i] = beta2 * v[i] + (1 - beta2) * step * step;
      w[i] = kept * w[i] - rate * m[i] / (std::sqrt(v[i]) * correction + epsilon);
    }
  }
  std::map<std::string, std::vector<T>*> memory() override { return {{"mean", &mean}, {"square", &square}}; }
  const char* const label;
  const Adam settings;
  const double decoupled;
  std::vector<T> mean, square;
};

}  // namespace

template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const Adam& settings, Index count) {
  return std::make_unique<AdamRule<T>>("Adam", settings, 0.0, count);
}
template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const AdamW& s, Index count) {
  return std::make_unique<AdamRule<T>>("AdamW", Adam{s.learning_rate, s.beta1, s.beta2, s.epsilon, {}, s.lazy}, s.weight_decay,
                                       count);
}

#define RECURRA_INSTANTIATE(T)                                                 \
  template std::unique_ptr<OptimizerRule<T>> make_rule<T>(const Adam&, Index); \
  template std::unique_ptr<OptimizerRule<T>> make_rule<T>(const AdamW&, Index);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
