// Schedules: the learning rate of each epoch. A rate is a pure function of the settings, the epoch and the losses so far, so a
// schedule remembers nothing. Epochs count from 0, and epoch 0 has the optimizer's own rate unless a warm-up precedes it.
#pragma once

#include <span>
#include <variant>

namespace recurra {

struct ConstantRate {};

// rate * factor^(epoch / step_size), rounded down.
struct StepDecay {
  int step_size = 1;
  double factor = 0.1;
};

// rate * factor^epoch.
struct ExponentialDecay {
  double factor = 0.9;
};

// Half a cosine from the rate to `minimum`, which epoch `epochs` reaches and all later ones keep.
// I. Loshchilov, F. Hutter, SGDR, ICLR 2017 (without restarts).
struct CosineDecay {
  int epochs = 1;
  double minimum = 0;
};

// rate * factor whenever the loss has not fallen below (1 - threshold) times its best in more than `patience` epochs in a row,
// never below `minimum`. The loss is the validation loss if there is one, else the training loss.
struct ReduceOnPlateau {
  double factor = 0.1;
  int patience = 10;
  double threshold = 1e-4, minimum = 0;
};

// Epoch e of the first `epochs` has rate * (e + 1) / (epochs + 1); then `then` starts from its epoch 0.
struct LinearWarmup {
  int epochs = 1;
  std::variant<ConstantRate, StepDecay, ExponentialDecay, CosineDecay, ReduceOnPlateau> then = ConstantRate{};
};

using RateSchedule = std::variant<ConstantRate, StepDecay, ExponentialDecay, CosineDecay, ReduceOnPlateau, LinearWarmup>;

// The rate of an epoch; `losses` are those of the epochs before it.
double scheduled_rate(const RateSchedule& schedule, double rate, int epoch, std::span<const double> losses);

// Throws std::invalid_argument for a setting out of range, or a minimum above the rate it starts from.
void check_schedule(const RateSchedule& schedule, double rate);

}  // namespace recurra
