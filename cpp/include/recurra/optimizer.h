// Optimizers: rules that turn a gradient into an update of the flat parameters, and clipping.
#pragma once

#include <memory>
#include <span>

#include "recurra/network.h"

namespace recurra {

// Both decays are added to the gradient: l2 * w + l1 * sign(w), for every parameter.
struct Decay {
  double l2 = 0, l1 = 0;
};

// v <- momentum v + g;  w <- w - learning_rate v.
struct Sgd {
  double learning_rate = 1e-2, momentum = 0;
  Decay decay{};
};

// D. P. Kingma, J. Ba, Adam, ICLR 2015.
struct Adam {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Decay decay{};
};

// An optimizer at work: its settings and what it remembers of one network.
template <class T>
class BasicOptimizer {
 public:
  // Throw std::invalid_argument for a setting out of range.
  BasicOptimizer(const Sgd& settings, Index num_parameters);
  BasicOptimizer(const Adam& settings, Index num_parameters);
  ~BasicOptimizer();
  BasicOptimizer(BasicOptimizer&&) noexcept;
  // Throws std::invalid_argument if a length is not num_parameters.
  void update(std::span<T> parameters, std::span<const T> gradient);

  struct Rule;

 private:
  std::unique_ptr<Rule> rule_;
};

// The Euclidean norm.
template <class T>
double gradient_norm(std::span<const T> gradient);
// Scales the gradient down to this norm, or each element into [-limit, limit].
template <class T>
void clip_norm(std::span<T> gradient, double limit);
template <class T>
void clip_value(std::span<T> gradient, double limit);

}  // namespace recurra
