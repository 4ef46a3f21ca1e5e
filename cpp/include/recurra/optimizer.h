// Optimizers: rules that turn a gradient into an update of the flat parameters, and clipping. Each is PyTorch's of that name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "recurra/network.h"
#include "recurra/ranges.h"

namespace recurra {

// A rule without memory and decay leaves parameters alone whose gradient is 0, and so need not look at the rows of a table that
// did not take part in an update: of an Embedding that is the first layer, of a Linear under SampledSoftmax. `lazy` does the same
// with memory and decay: rows that rest neither decay nor move on, and remember what they did. With Adam this is PyTorch's
// SparseAdam, but for epsilon, which that one does not correct.

// Both decays are added to the gradient: l2 * w + l1 * sign(w), for every parameter.
struct Decay {
  double l2 = 0, l1 = 0;
};

// v <- momentum v + g;  w <- w - learning_rate v, or, with Nesterov's look ahead, w - learning_rate (g + momentum v).
struct Sgd {
  double learning_rate = 1e-2, momentum = 0;
  Decay decay{};
  bool nesterov = false;
  bool lazy = false;
};

// D. P. Kingma, J. Ba, Adam, ICLR 2015.
struct Adam {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Decay decay{};
  bool lazy = false;
};

// Adam, whose decay passes its mean and square by: first w <- w - learning_rate weight_decay w.
// I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR 2019.
struct AdamW {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 1e-2;
  bool lazy = false;
};

// s <- alpha s + (1 - alpha) g^2, centred: less the square of the running mean of g;  v <- momentum v + g / (sqrt(s) + epsilon);
// w <- w - learning_rate v. T. Tieleman, G. Hinton, 2012 (lecture 6.5); centred: A. Graves, arXiv 1308.0850.
struct RmsProp {
  double learning_rate = 1e-2, alpha = 0.99, epsilon = 1e-8, momentum = 0;
  bool centered = false;
  Decay decay{};
  bool lazy = false;
};

// s <- s + g^2;  w <- w - learning_rate / (1 + learning_rate_decay (updates so far)) g / (sqrt(s) + epsilon).
// J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011).
struct Adagrad {
  double learning_rate = 1e-2, learning_rate_decay = 0, initial_accumulator = 0, epsilon = 1e-10;
  Decay decay{};
};

using Optimizer = std::variant<Sgd, Adam, AdamW, RmsProp, Adagrad>;

// What an optimizer remembers of the gradients it has seen.
template <class T>
struct OptimizerState {
  std::uint64_t updates = 0;                        // so far
  std::map<std::string, std::vector<T>> vectors{};  // by name, one value per parameter: "velocity", "square", ...
};

// An optimizer at work: its settings and what it remembers of one network.
template <class T>
class BasicOptimizer {
 public:
  // Throws std::invalid_argument for a setting out of range.
  BasicOptimizer(const Optimizer& settings, Index num_parameters);
  ~BasicOptimizer();
  BasicOptimizer(BasicOptimizer&&) noexcept;
  // Throws std::invalid_argument if a length is not num_parameters.
  void update(std::span<T> parameters, std::span<const T> gradient);
  // Moves what learns of a network: copies of tied parameters follow the first one, whose gradient counts, and what rests stays
  // as it is, whatever decays. The optimizer remembers nothing of either. Throws as above.
  void update(BasicNetwork<T>& network, std::span<const T> gradient);
  // By a gradient that is 0 but there (BasicRunner::window_gradient).
  void update(BasicNetwork<T>& network, std::span<const T> gradient, const Ranges& touched);
  void update(BasicNetwork<T>& network, std::span<const T> gradient, const SharedParameters& shared);  // not the network's own

  // That of the next updates. Throws std::invalid_argument unless it is finite and at least 0.
  void set_learning_rate(double rate);
  double learning_rate() const;

  OptimizerState<T> state() const;
  // Throws std::invalid_argument for vectors this optimizer does not have, of another length, or with a NaN.
  void set_state(OptimizerState<T> state);

  struct Rule;

 private:
  void check_lengths(std::size_t parameters, std::size_t gradient) const;

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
// The same of a gradient that is 0 but there.
template <class T>
double gradient_norm(std::span<const T> gradient, const Ranges& touched);
template <class T>
void clip_norm(std::span<T> gradient, double limit, const Ranges& touched);
template <class T>
void clip_value(std::span<T> gradient, double limit, const Ranges& touched);

}  // namespace recurra
