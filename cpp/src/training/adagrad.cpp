#include "optimizer_rule.h"

namespace recurra {

namespace {

template <class T>
struct AdagradRule final : OptimizerRule<T> {
  AdagradRule(const Adagrad& s, Index count) : OptimizerRule<T>(count, s.learning_rate), settings(s) {
    require_decay("Adagrad", s.decay);
    require_amount("Adagrad", "learning_rate_decay", s.learning_rate_decay);
    require_amount("Adagrad", "initial_accumulator", s.initial_accumulator);
    require_divisor<T>("Adagrad", "epsilon", s.epsilon);
    sum.assign(std::size_t(count), T(s.initial_accumulator));
  }
  const char* name() const override { return "Adagrad"; }
  bool is_lazy() const override { return !decays(settings.decay); }
  void update(T* w, const T* g, std::size_t begin, std::size_t end) override {
    const Decayed<T> decayed(settings.decay);
    const T rate = T(this->learning_rate / (1 + double(this->updates - 1) * settings.learning_rate_decay));
    const T epsilon = T(settings.epsilon);
    for (std::size_t i = begin; i < end; ++i) {
      const T slope = decayed(g[i], w[i]);
      sum[i] += slope * slope;
      w[i] -= rate * slope / (std::sqrt(sum[i]) + epsilon);
    }
  }
  std::map<std::string, std::vector<T>*> memory() override { return {{"sum", &sum}}; }
  const Adagrad settings;
  std::vector<T> sum;
};

}  // namespace

template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const Adagrad& settings, Index count) {
  return std::make_unique<AdagradRule<T>>(settings, count);
}

template std::unique_ptr<OptimizerRule<float>> make_rule<float>(const Adagrad&, Index);
template std::unique_ptr<OptimizerRule<double>> make_rule<double>(const Adagrad&, Index);

}  // namespace recurra
