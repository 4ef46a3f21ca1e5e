// Losses: what is minimised, a mean over the valid entries of a batch. An entry is an output's step, or its sequence if the
// network pools; every value and gradient is that of PyTorch's loss of the same name with reduction "mean".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "recurra/network.h"

namespace recurra {

// Means over the entries and their features, of d = y - target:
struct Mse {  // d^2
  bool operator==(const Mse&) const = default;
};
struct Mae {  // |d|; its derivative at 0 is 0
  bool operator==(const Mae&) const = default;
};
struct Huber {  // d^2 / 2 up to |d| = delta, delta (|d| - delta / 2) beyond. P. J. Huber, Ann. Math. Statist. 35 (1964).
  double delta = 1;
  bool operator==(const Huber&) const = default;
};

// Of logits y and class ids: sum over the entries of (1 - s) w[class] (-log p[class]) + s / C sum_c w[c] (-log p[c]) with
// p = softmax(y), divided by the sum of w[class]. Entries of the ignored class do not count. If all weights are 0, so is it.
// Label smoothing s: C. Szegedy et al., CVPR 2016.
struct CrossEntropy {
  std::vector<double> class_weights{};          // w, one per class; none: all 1
  std::optional<std::int64_t> ignored_class{};  // need not be a class of the network
  double label_smoothing = 0;                   // s, 0 .. 1
  bool operator==(const CrossEntropy&) const = default;
};

// Of logits y and targets t in [0, 1], a mean over the entries and their features:
// -positive_weight t log(logistic(y)) - (1 - t) log(1 - logistic(y)).
struct BinaryCrossEntropy {
  double positive_weight = 1;
  bool operator==(const BinaryCrossEntropy&) const = default;
};

// Cross entropy whose gradient comes from a few classes: in the sum over all classes that a probability is divided by, that of
// `samples` drawn ones, with replacement, stands for that of all but the wanted one, each divided by how often it is expected.
// The sum is unbiased, so its logarithm is too small by what vanishes with more samples. Where no gradient is wanted the loss is
// the exact one. The last layer is a Linear. S. Jean et al., ACL 2015; Y. Bengio, J.-S. Senecal, AISTATS 2003.
struct SampledSoftmax {
  // How likely class c of C is drawn: log((c + 2) / (c + 1)) / log(C + 1), for classes in the order of their frequency, or 1 / C.
  enum Distribution { log_uniform, uniform };
  Index samples = 1024;
  Distribution distribution = log_uniform;
  bool operator==(const SampledSoftmax&) const = default;
};

// One of them: Loss::huber, or Huber{.delta = 2}.
class Loss {
 public:
  enum Kind { mse, mae, huber, cross_entropy, binary_cross_entropy, sampled_softmax };
  using Settings = std::variant<Mse, Mae, Huber, CrossEntropy, BinaryCrossEntropy, SampledSoftmax>;

  Loss(Kind kind = mse);  // with its default settings
  Loss(Mse settings) : settings_(settings) {}
  Loss(Mae settings) : settings_(settings) {}
  Loss(Huber settings) : settings_(settings) {}
  Loss(CrossEntropy settings) : settings_(std::move(settings)) {}
  Loss(BinaryCrossEntropy settings) : settings_(settings) {}
  Loss(SampledSoftmax settings) : settings_(settings) {}

  Kind kind() const { return Kind(settings_.index()); }
  const char* name() const;  // "mse", ...
  const Settings& settings() const { return settings_; }
  bool takes_classes() const { return kind() == cross_entropy || kind() == sampled_softmax; }
  bool operator==(const Loss&) const = default;

 private:
  Settings settings_;
};

// "mse", "mae", "huber", "cross_entropy", "binary_cross_entropy", "sampled_softmax". Throws std::invalid_argument.
Loss loss_from_name(const std::string& name);

// What a batch should give: class ids, without the output's last axis, for cross_entropy and sampled_softmax; values shaped as
// the output for the others. Entries whose mask is 0 do not count and are not looked at; no mask: all count. A network that
// decodes is fed all of its target while it learns, what is masked too, unless it has a teacher: by the classes if it writes
// symbols, else by the values, whatever the loss compares.
template <class T>
struct Target {
  const T* values = nullptr;
  const std::int64_t* classes = nullptr;
  const std::uint8_t* mask = nullptr;  // shaped as the classes

  bool counts(Index entry) const { return !mask || mask[entry]; }
};

}  // namespace recurra
