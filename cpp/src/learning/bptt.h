// Back-propagation through time on one shard of a batch: forward, loss, backward, weight gradient.
// P. J. Werbos, Proc. IEEE 78 (1990).
#pragma once

#include <span>

#include "batch.h"
#include "recurra/ranges.h"
#include "sweep.h"

namespace recurra {

// Some sequences of a batch, and the memory to work on them. Its loss and gradient are sums over what it worked on.
template <class T>
struct Shard {
  explicit Shard(const Model<T>& model) : workspace(model) {}
  Workspace<T> workspace;
  std::vector<Index> rows;                // of the input, longest first,
  std::vector<Index> output_rows, order;  // and of the output; its i-th sequence is the order[i]-th of the input
  std::vector<Step> steps, output_steps;  // by node of the schedules
  std::vector<Index> nodes;               // of a topology, the caller's numbers by node of the schedule
  std::span<T> gradient;                  // the shard's own, or the caller's
  std::vector<T> own_gradient;
  Ranges written;  // where its own is not 0
  double loss = 0;
  std::unique_ptr<ClassScratch<T>> class_scratch;
  std::vector<T> last_state;  // [rows][state size], where they ended, if they ran in segments; else the workspace knows
};

// One pass of a batch over one window: what is wanted of each shard.
template <class T>
struct Pass {
  const Sequences<T>& x;
  Window window;
  const BasicState<T>* state;  // where the sequences start; null: the initial state, which may learn
  const RunOptions& options;
  T* y = nullptr;                     // where outputs go, or
  const Target<T>* target = nullptr;  // what they should be,
  const Loss* loss = nullptr;
  double scale = 0;                       // what each output of weight 1 counts in the loss,
  bool gradient = false;                  // and whether the shard's gradient is wanted
  const ClassSamples* samples = nullptr;  // of SampledSoftmax, with a gradient
  Index before = 0;                       // steps of a longer window before this one, as whose part it draws its masks
};

// How many outputs inside the window count: steps, or sequences with a step if the network pools.
template <class T>
Index count_valid(const Model<T>& model, const Sequences<T>& x, Window window);

// What the mean over the window's valid entries is divided by: their number, or the sum of their class weights. Throws
// std::invalid_argument for a class out of range where weights are asked for by class.
template <class T>
double total_weight(const Model<T>& model, const Sequences<T>& x, const Target<T>& target, const Loss& loss, Window window);

// Lays the shard out for the pass's window and gathers what goes in; the states that it starts from are left to the caller.
template <class T>
void begin_shard(Shard<T>& shard, const Pass<T>& pass);

// The state that a row of the shard starts from, [state size].
template <class T>
const T* first_state(const ModelWeights<T>& weights, const Shard<T>& shard, const Pass<T>& pass, Index row);

// The sum of the outputs' losses; their cotangents go to the last tape that has gone forward if a gradient is wanted.
template <class T>
double output_loss(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass);

// Adds to the shard's loss and gradient. Throws std::invalid_argument for a value that is refused, Interrupted.
template <class T>
void run_shard(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass, const Interrupt& interrupt);

// After that, the state that a row of the shard ended with.
template <class T>
void save_last_state(const Shard<T>& shard, Index row, T* to);

}  // namespace recurra
