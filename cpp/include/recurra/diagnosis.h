// Diagnosis: what happens inside a network along one sequence. Its states and gates, how the gradient of one output travels back
// through time, and the Jacobian of a step. (Y. Bengio et al., IEEE Trans. Neural Networks 5 (1994), on both.)
#pragma once

#include <memory>

#include "recurra/loss.h"
#include "recurra/state.h"

namespace recurra {

// One state or gate over time, [time][width]: "0.state.h"; "0.gate.i", the gate itself where it depends on its pre-activation
// alone, else the pre-activation without the per-unit terms ("0.gate.a_i").
template <class T>
struct Signal {
  std::string name;
  Index width;
  std::vector<T> values;
};

template <class T>
class BasicDiagnosis {
 public:
  // Runs one sequence of `time` steps, dropout off, from `state` (for a batch of 1; null: the initial state). The network may
  // change afterwards. Throws std::invalid_argument for a network that looks ahead, or what a runner refuses.
  BasicDiagnosis(const BasicNetwork<T>& network, std::span<const T> x, Index time, const BasicState<T>* state = nullptr);
  ~BasicDiagnosis();
  BasicDiagnosis(BasicDiagnosis&&) noexcept;

  Index time() const;
  Index state_size() const;
  std::vector<Signal<T>> signals() const;

  // dL/ds_k for the carried state s_k before step k = 0 .. step, [step + 1][state size], where L is the loss of the output at
  // `step`, or of the pooled output, for which `step` must be the last one. The target is that of this one output. Throws
  // std::out_of_range, std::invalid_argument.
  std::vector<T> state_gradients(Index step, const Target<T>& target, const Loss& loss);
  // ds_t/ds_{t-1} for every step, [time][state size][state size], row by row the state after the step. Throws
  // std::invalid_argument for a network that pools.
  std::vector<T> jacobians();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

using Diagnosis = BasicDiagnosis<float>;

}  // namespace recurra
