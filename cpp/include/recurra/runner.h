// Runner: a network on whole batches, with the scratch memory and threads for it. Keep one for many batches of like shape.
// One caller at a time. The network may change between calls, also by assignment.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "recurra/loss.h"
#include "recurra/ranges.h"
#include "recurra/state.h"
#include "recurra/topology.h"

namespace recurra {

// A batch of sequences: row-major [batch][time][features]. `lengths` (each 0 .. time, in any order) tells the valid steps of
// each; null: all. What lies behind a sequence's end is never read. With `rows`, sequence i of the batch is row rows[i] of the
// arrays (data, lengths and targets).
template <class T>
struct Sequences {
  const T* data = nullptr;
  Index batch = 0, time = 0;
  const Index* lengths = nullptr;
  const Index* rows = nullptr;
  // Of a network with one Feedback: what is fed back instead of its outputs, [batch][time][teacher size], the true value of
  // each step. Null: its own outputs are (a closed loop).
  // The teacher of an EncoderDecoder is [batch][target time][...] and, while it learns, its target unless another one is given;
  // of symbols, their class ids stored as T.
  const T* teacher = nullptr;
  Index target_time = 0;                  // of an EncoderDecoder: the time axis of its targets and outputs,
  const Index* target_lengths = nullptr;  // and how many steps of each are valid, 0 .. target_time; null: all
  // Trees or graphs instead of sequences, by networks that run over them: sequence i is structure row(i) of this topology, its
  // steps are the structure's nodes by number. data is [nodes of the topology][features], time is their number, batch the number
  // of structures (see `over`); there are no lengths, teachers, states and windows. Outputs and targets have a place for each
  // node of the topology, or, if the network pools, for each structure.
  const Topology* topology = nullptr;

  static Sequences over(const Topology& topology, const T* data) {
    Sequences all;
    all.data = data;
    all.batch = topology.num_structures();
    all.time = topology.num_nodes();
    all.topology = &topology;
    return all;
  }

  Index row(Index sequence) const { return rows ? rows[sequence] : sequence; }
  Index length(Index sequence) const {
    return topology ? topology->sizes()[std::size_t(row(sequence))] : lengths ? lengths[row(sequence)] : time;
  }
  // Where a step's features lie in data.
  Index entry(Index sequence, Index step) const {
    return topology ? topology->node(row(sequence), step) : row(sequence) * time + step;
  }
  Index target_length(Index sequence) const { return target_lengths ? target_lengths[row(sequence)] : target_time; }
};

// The steps begin .. end - 1 of a batch.
struct Window {
  Index begin, end;
};

struct RunOptions {
  Index window = 0;                   // truncated BPTT: the gradient is cut every `window` steps; 0: not at all
  bool training = false;              // dropout on
  std::uint64_t noise = 0;            // decides the dropout masks and when scheduled sampling takes which output
  std::function<bool()> interrupt{};  // asked now and then; true abandons the batch (InterruptedBatch)
  bool initial = false;               // start from the initial state, which gets its gradient if it learns, not from `state`
  double sampling = 0;                // scheduled sampling: how likely Feedback takes its own output and not the teacher's
  // Checkpointed BPTT: activations of so many steps are alive at a time, and the states between; each step's are made twice. The
  // gradient is the whole one. `square_root`: of the steps. 0: all are kept.
  Index segment = 0;
  static constexpr Index square_root = -1;
};

struct InterruptedBatch {};

template <class T>
class BasicRunner {
 public:
  explicit BasicRunner(const BasicNetwork<T>& network);  // the network must outlive it
  ~BasicRunner();
  BasicRunner(BasicRunner&&) noexcept;

  // y: [batch][time][output size], zero past a sequence's end, or [batch][output size] if the network pools, or
  // [batch][target time][output size] if it decodes.
  // The sequences start from `state` and leave their last state there; null: the initial state, not kept.
  // Throws std::invalid_argument for an empty batch, lengths out of range, a state that does not fit, a non-finite input; a part
  // of y may then have been written.
  void forward(const Sequences<T>& x, T* y, BasicState<T>* state = nullptr, const RunOptions& options = {});

  // The loss by BPTT; its gradient, laid out as the flat parameters, is added to `gradient`. No entry that counts: 0, and 0.
  // With `touched` the gradient is set instead, and tells where: before, it is 0 but there; afterwards there is all that may
  // differ from 0, even if the call throws. Of tables, such as an embedding's, these are the rows that took part.
  // Throws as forward, and std::invalid_argument for a target that is not finite, a class out of range or a loss's setting, or
  // for segments of what cannot be cut, std::overflow_error for a loss that is not finite.
  double loss_and_gradient(const Sequences<T>& x, const Target<T>& target, const Loss& loss, T* gradient,
                           BasicState<T>* state = nullptr, const RunOptions& options = {}, Ranges* touched = nullptr);
  // The same for one window: the mean over the window's valid entries. A network that pools does so over the window.
  double window_gradient(const Sequences<T>& x, const Target<T>& target, const Loss& loss, Window window, T* gradient,
                         BasicState<T>* state, const RunOptions& options, Ranges* touched = nullptr);
  // The loss alone.
  double loss(const Sequences<T>& x, const Target<T>& target, const Loss& loss, BasicState<T>* state = nullptr,
              const RunOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

using Runner = BasicRunner<float>;

}  // namespace recurra
