// Early stopping: an end to training that no longer improves. Like a schedule it is a pure function of the losses so far: the
// validation losses if there are any, else the training losses.
#pragma once

#include <optional>
#include <span>

namespace recurra {

struct EarlyStopping {
  int patience = 10;         // epochs in a row without a new best that end the training
  double min_delta = 0;      // how much lower than the best a loss must be to be a new best
  bool restore_best = true;  // the network ends with its best epoch's parameters, tied as they are then
};

// The epoch with the best loss: the first one, then each that is lower than the last best by more than min_delta. None: none.
std::optional<int> best_epoch(std::span<const double> losses, double min_delta = 0);

// Whether training ends after the last of these losses.
bool stops(const EarlyStopping& settings, std::span<const double> losses);

// Throws std::invalid_argument for a setting out of range.
void check_early_stopping(const EarlyStopping& settings);

}  // namespace recurra
