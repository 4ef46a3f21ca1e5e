// fit: train a network on mini-batches of sequences, epoch by epoch.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "recurra/early_stopping.h"
#include "recurra/optimizer.h"
#include "recurra/rate_schedule.h"
#include "recurra/runner.h"

namespace recurra {

// Sequences and what they should give. The arrays are borrowed.
template <class T>
struct Data {
  Sequences<T> x;
  Target<T> target;
};

struct Epoch {
  double loss = 0;  // mean over the epoch's valid entries, each batch before its update
  double validation_loss =
      std::numeric_limits<double>::quiet_NaN();  // after the epoch; NaN without validation data or if stopped
  double learning_rate = 0;
  double seconds = 0;
};

struct History {
  std::vector<Epoch> epochs;      // the complete ones
  bool interrupted = false;       // stopped by FitOptions::interrupt or a callback
  bool stopped_early = false;     // by FitOptions::early_stopping, before the last epoch
  std::optional<int> best_epoch;  // with the lowest loss in early stopping's sense; validation loss if there is one
};

struct Progress {
  int epoch;             // from 0
  Index batch, batches;  // done so far in this epoch
  double loss;           // mean of this epoch so far
};

// Scheduled sampling (S. Bengio et al., NIPS 2015): with this probability a step sees the network's own output instead of the
// teacher's. It goes linearly from `begin` in the first epoch to `end` after `epochs`, and stays there.
struct ScheduledSampling {
  double begin = 0, end = 0;
  int epochs = 1;
  double probability(int epoch) const { return epoch < epochs ? begin + (end - begin) * epoch / epochs : end; }
};

struct FitOptions {
  Loss loss = Loss::mse;
  Optimizer optimizer = Adam{};
  RateSchedule schedule = ConstantRate{};  // what the optimizer's rate becomes, epoch by epoch
  Index window = 0;              // truncated BPTT: an update every `window` steps, the state carried on; 0: one update per batch
  Index segment = 0;             // checkpointed BPTT, also of what the validation keeps: see RunOptions::segment
  ScheduledSampling sampling{};  // with a teacher
  int epochs = 10;
  Index batch_size = 32;
  double clip_norm = 0, clip_value = 0;  // 0: off
  bool shuffle = true;
  std::uint64_t seed = 0;  // of the shuffling and the dropout masks
  // Row i of a batch goes on where row i of the batch before ended; each epoch, and the validation, starts from the initial
  // state. Needs shuffle = false, full batches, and a network that neither pools nor looks ahead.
  bool stateful = false;
  std::optional<EarlyStopping> early_stopping{};
  // A file that holds the whole run, written after every epoch and, unless 0, at the end of a batch `checkpoint_every` or more
  // updates after the last time. A failure to write ends the training with std::system_error; the old file and the network's
  // parameters stay. recurra::load() reads it as a model, with the parameters of its last update.
  std::string checkpoint{};
  Index checkpoint_every = 0;
  // Goes on with the run in that file: the result is that of a run never stopped, bit for bit (with the same number of threads
  // and instruction set). Afresh if there is no file. Throws std::invalid_argument if data, network or settings are not those of
  // the run (epochs, callbacks and checkpoint_every may differ), std::runtime_error for a damaged file; nothing has changed then.
  // Without `resume`, a file that is there is replaced when the first epoch is complete.
  bool resume = false;
  std::function<bool(const Progress&)> on_batch{};          // true stops
  std::function<bool(int epoch, const Epoch&)> on_epoch{};  // true stops
  std::function<bool()> interrupt{};  // asked within a batch; true stops: the batch in work is dropped, the network usable
};

// Throws std::invalid_argument for settings or data that do not fit, std::overflow_error for a loss or gradient that is not
// finite; the network then keeps the parameters of the last update.
template <class T>
History fit(BasicNetwork<T>& network, const Data<T>& training, const Data<T>* validation, const FitOptions& options);

// The mean loss over a data set, `batch_size` sequences at a time; `stateful` as in FitOptions.
template <class T>
double evaluate(const BasicNetwork<T>& network, const Data<T>& data, const Loss& loss, Index batch_size = 256,
                const RunOptions& options = {}, bool stateful = false);

}  // namespace recurra
