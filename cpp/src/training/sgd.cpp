#include "optimizer_rule.h"

namespace recurra {

namespace {

template <class T>
struct SgdRule final : OptimizerRule<T> {
  SgdRule(const Sgd& s, Index count) : OptimizerRule<T>(count, s.learning_rate), settings(s) {
    require_decay("SGD", s.decay);
    require_fraction("SGD", "momentum", s.momentum);
    require(!s.nesterov || s.momentum > 0, "SGD", "momentum", s.momentum, "more than 0 with nesterov");
    velocity.assign(s.momentum > 0 ? std::size_t(count) : 0, T(0));
  }
  const char* name() const override { return "SGD"; }
  bool is_lazy() const override { return settings.lazy || (settings.momentum == 0 && !decays(settings.decay)); }
  void update(T* w, const T* g, std::size_t begin, std::size_t end) override {
    const Decayed<T> decayed(settings.decay);
    const T rate = T(this->learning_rate), momentum = T(settings.momentum);
    if (velocity.empty()) {
      for (std::size_t i = begin; i < end; ++i) w[i] -= rate * decayed(g[i], w[i]);
      return;
    }
    for (std::size_t i = begin; i < end; ++i) {
      const T step = decayed(g[i], w[i]);
      velocity[i] = momentum * velocity[i] + step;
      w[i] -= rate * (settings.nesterov ? step + momentum * velocity[i] : velocity[i]);
    }
  }
  std::map<std::string, std::vector<T>*> memory() override {
    if (settings.momentum > 0) return {{"velocity", &velocity}};
    return {};
  }
  const Sgd settings;
  std::vector<T> velocity;
};

}  // namespace

template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const Sgd& settings, Index count) {
  return std::make_unique<SgdRule<T>>(settings, count);
}

template std::unique_ptr<OptimizerRule<float>> make_rule<float>(const Sgd&, Index);
template std::unique_ptr<OptimizerRule<double>> make_rule<double>(const Sgd&, Index);

}  // namespace recurra
