// Online learning: a network that learns while it runs, step by step, on streams without end. Memory is constant; nothing is
// replayed from the caller's side.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "recurra/loss.h"
#include "recurra/optimizer.h"
#include "recurra/runner.h"
#include "recurra/state.h"

namespace recurra {

// How a step's gradient accounts for the steps before it.

// Exact real-time recurrent learning. A. J. Robinson, F. Fallside, 1987; R. J. Williams, D. Zipser, Neural Computation 1 (1989).
// The influence d(state)/d(parameters) advances every `block` steps (1: the textbook's recursion), which gives the same
// gradients; in blocks after J. Schmidhuber, Neural Computation 4 (1992). 0: chosen by cost and memory; and where one cell layer
// whose units are fed no state of others (IndRNN, SRU, MinGRU, LRU, ELSTM, ...) has nothing to learn below it, one trace per
// state and parameter of a unit is exact in time and memory O(parameters) (M. C. Mozer, Complex Systems 3 (1989)).
struct Rtrl {
  // network: exact. layer: each layer with a state is exact in itself, and errors reach the layers below within the same step
  // only, which is biased wherever something that learns lies below a state.
  enum class Scope { network, layer };
  Index block = 0;
  Scope scope = Scope::network;
  bool operator==(const Rtrl&) const = default;
};

// Unbiased online recurrent optimization. C. Tallec, Y. Ollivier, ICLR 2018. The influence is estimated by one outer product of a
// state and a parameter vector, drawn anew at each step by random signs: on average it is the exact one, in memory and time like
// those of the parameters; the price is noise, so small learning rates. The same seed gives the same bits.
struct Uoro {
  std::uint64_t seed = 0;
  bool operator==(const Uoro&) const = default;
};

// Truncated back-propagation through time at every step: the error of a step goes back over the latest `window` steps, its own
// included, with the weights they were made with. R. J. Williams, J. Peng, Neural Computation 2 (1990): BPTT(h). After `reload`
// the steps before may be out of reach.
struct RollingBptt {
  Index window = 1;
  bool operator==(const RollingBptt&) const = default;
};

// The rules below have scope layer too. Their layers with a state are cells without a product of messages (GRU(reset=before)),
// of carried states, layer_norm, zoneout or projection; other layers have states or parameters, not both.

// What a unit's parameters do to the unit itself. J. Menick et al., Practical real time recurrent learning with a sparse
// approximation, ICLR 2021. Order 1 alone: with a dense R every unit influences all others in two steps, which is RTRL.
struct SnAp {
  Index order = 1;
  bool operator==(const SnAp&) const = default;
};

// The same without what returns to the unit through R: e-prop, G. Bellec et al., Nature Communications 11 (2020). On the LSTM it
// is the rule of S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997) and F. Gers et al., Neural Computation 12 (2000).
struct EProp {
  bool operator==(const EProp&) const = default;
};

// J as a Kronecker product whose mean over random signs is exact within the layer. A. Mujika et al., Approximating real-time
// recurrent learning with random Kronecker factors, NeurIPS 2018. The signs depend on the seed, the row, the layer and the step.
struct KfRtrl {
  std::uint64_t seed = 0;
  bool operator==(const KfRtrl&) const = default;
};

// E-prop for LeakyElman alone, with errors that come from the network's output by a fixed random matrix, uniform within
// +- 1 / sqrt(units), instead of by the weights above. J. M. Murray, eLife 8 (2019).
struct Rflo {
  std::uint64_t seed = 0;
  bool operator==(const Rflo&) const = default;
};

using OnlineRule = std::variant<Rtrl, SnAp, EProp, KfRtrl, Rflo, Uoro, RollingBptt>;

struct OnlineOptions {
  OnlineRule rule{};
  Loss loss{};
  Optimizer optimizer{Sgd{}};
  Index batch = 1;         // rows: independent sequences that share the weights
  Index update_every = 1;  // steps; an update follows the sum of their gradients
  double leak = 1;         // J <- leak D J + I: 1 is exact; less forgets what stale weights have left. Below 1, block is 1
  // Parameters that rest besides those that rest in the network, by name, "0.weight_ih", or all of a layer, "0". RTRL keeps no
  // influence of those below the first layer that learns.
  std::vector<std::string> frozen{};
  std::optional<double> clip_norm{};  // of the gradient of an update
  // The most that an element of J, or the cotangent of a state walked back over a block, may grow to. Beyond it, and where a
  // gradient is not finite, the row's influence starts again from zero (its state stays) and that is counted. Counted too, and
  // left out: an update that would make weights, or a clipped gradient whose square, not finite.
  double guard = 1e6;
  std::uint64_t max_bytes = 0;  // 0: what the machine has
};

// What a learner does and needs.
struct OnlineReport {
  std::string rule;
  bool exact = true;                   // while the weights rest, its gradients add up to those of BPTT
  std::vector<std::string> dropped{};  // the paths that the gradient does not follow, or estimates
  Index block = 1;                     // steps between two refreshes of J
  std::uint64_t bytes = 0;             // about what it holds
  double flops_per_step = 0;           // about, on average, with a target at every step
  std::uint64_t steps = 0, updates = 0, guard_events = 0;
};

template <class T>
class BasicOnline {
 public:
  // The network learns in place and must outlive the learner; what is tied and rests in it stays so while it learns. Throws
  // std::invalid_argument for options out of range and for networks that the rule does not admit, std::length_error if the memory
  // it needs exceeds max_bytes.
  BasicOnline(BasicNetwork<T>& network, const OnlineOptions& options);
  ~BasicOnline();
  BasicOnline(BasicOnline&&) noexcept;

  // What a learner like this would report, without making one.
  static OnlineReport plan(const BasicNetwork<T>& network, const OnlineOptions& options);

  Index batch() const;
  Index input_size() const;
  Index output_size() const;
  Index teacher_size() const;

  // The outputs that a step with this input would have; nothing changes. x: [batch][input size], y: [batch][output size].
  // Throws std::invalid_argument for a wrong size, a value that is not finite (or no class id, for an Embedding) or a network
  // that has been tied or frozen in another way since, std::overflow_error for a state or output that is not finite; nothing has
  // changed then.
  void predict(std::span<const T> x, std::span<T> y);

  // One step of all rows: outputs to y (empty: not wanted), computed before it learns. The gradient is that of the mean over
  // the rows of weights[row] times the row's loss; target: of each row one entry; without one J advances, and nothing is
  // learned. A row that is masked or of weight 0 learns nothing, and its target is not looked at. weights: empty for 1. teacher:
  // [batch][teacher size], fed back instead of the outputs, or empty. Returns the loss, 0 without a target. Throws as predict,
  // std::invalid_argument for a target as the loss refuses it; nothing has changed then. No allocation, whatever it does.
  double step(std::span<const T> x, std::span<T> y, const Target<T>& target = {}, std::span<const T> weights = {},
              std::span<const T> teacher = {});

  // All rows, or one, start a new sequence; what they learned so far still counts in the next update. Throws std::out_of_range.
  void reset();
  void reset(Index row);

  // The gradient of the latest update that was made, before clipping, laid out as the flat parameters. Zeros before the first
  // one.
  std::span<const T> gradient() const;
  // d(state)/d(parameter) of each row after its latest step, as far as the rule follows it: [batch][state size][parameter's
  // size]; of a tied one by all its places. Throws std::out_of_range for a name the network does not have, std::invalid_argument
  // for a rule that keeps no influence.
  std::vector<T> influence(const std::string& parameter);
  BasicState<T> state() const;
  OnlineReport report() const;

  // The network's weights were changed from outside: takes them for the next steps. Throws std::invalid_argument if they are not
  // finite, or if the network has other layers, ties or frozen parameters now, as save and load do for the latter.
  void reload();

  // All of it in a file, also between two refreshes of J, so that a learner made alike goes on with the same bits. The file is
  // a model file with further tensors. Throws std::system_error; load std::runtime_error for a file that is damaged or of
  // another learner, and nothing has changed then.
  void save(const std::string& path) const;
  void load(const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

using Online = BasicOnline<float>;

// The loss and its gradient of whole sequences by an online rule, row by row, weights at rest: for exact rules, that of BPTT.
// Mean over the entries that count, as BasicRunner::loss_and_gradient; `gradient` is added to. `interrupt` is asked at each step;
// true abandons the batch (InterruptedBatch), and nothing has changed. Throws std::length_error if the rule needs more than
// `max_bytes` (0: what the machine has). No update splits the sequences, so Rtrl{} chooses long blocks; where one is as long as
// the sequences, no influence is ever formed, and what runs is BPTT itself.
template <class T>
double online_gradient(const BasicNetwork<T>& network, const Sequences<T>& x, const Target<T>& target, const Loss& loss,
                       const OnlineRule& rule, T* gradient, const std::function<bool()>& interrupt = {},
                       std::uint64_t max_bytes = 0);

}  // namespace recurra
