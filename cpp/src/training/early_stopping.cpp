#include "recurra/early_stopping.h"

#include "require.h"

namespace recurra {

std::optional<int> best_epoch(std::span<const double> losses, double min_delta) {
  std::optional<int> best;
  for (std::size_t epoch = 0; epoch < losses.size(); ++epoch)
    if (!std::isnan(losses[epoch]) && (!best || losses[epoch] < losses[std::size_t(*best)] - min_delta)) best = int(epoch);
  return best;
}

bool stops(const EarlyStopping& settings, std::span<const double> losses) {
  return int(losses.size()) - 1 - best_epoch(losses, settings.min_delta).value_or(-1) >= settings.patience;
}

void check_early_stopping(const EarlyStopping& settings) {
  require(settings.patience >= 1, "EarlyStopping", "patience", settings.patience, "at least 1");
  require_amount("EarlyStopping", "min_delta", settings.min_delta);
}

}  // namespace recurra
