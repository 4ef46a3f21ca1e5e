// What an optimizer at work is made of: one rule per family.
#pragma once

#include "recurra/optimizer.h"
#include "require.h"

namespace recurra {

// The settings' name in errors is Sgd's "SGD" and so on.
template <class T>
struct BasicOptimizer<T>::Rule {
  Rule(Index count, double rate) : num_parameters(std::size_t(count)), learning_rate(rate) {}
  virtual ~Rule() = default;
  virtual const char* name() const = 0;
  // One step of the parameters begin .. end - 1; `updates` counts this one already.
  virtual void update(T* w, const T* g, std::size_t begin, std::size_t end) = 0;
  // Whether parameters whose gradient is 0 may be left out.
  virtual bool is_lazy() const = 0;
  // The vectors it remembers, by name; the same ones for the same settings.
  virtual std::map<std::string, std::vector<T>*> memory() = 0;

  const std::size_t num_parameters;
  double learning_rate;
  std::uint64_t updates = 0;
};

template <class T>
using OptimizerRule = typename BasicOptimizer<T>::Rule;

// One per family; they check the settings.
template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const Sgd& settings, Index count);
template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const Adam& settings, Index count);
template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const AdamW& settings, Index count);
template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const RmsProp& settings, Index count);
template <class T>
std::unique_ptr<OptimizerRule<T>> make_rule(const Adagrad& settings, Index count);

inline void require_decay(const std::string& owner, const Decay& decay) {
  require_amount(owner, "l2", decay.l2);
  require_amount(owner, "l1", decay.l1);
}

inline bool decays(const Decay& decay) { return decay.l2 > 0 || decay.l1 > 0; }

// Decay in the network's dtype.
template <class T>
struct Decayed {
  explicit Decayed(const Decay& decay) : l2(T(decay.l2)), l1(T(decay.l1)) {}
  T operator()(T gradient, T parameter) const {
    return gradient + l2 * parameter + l1 * T((parameter > T(0)) - (parameter < T(0)));
  }
  const T l2, l1;
};

}  // namespace recurra
