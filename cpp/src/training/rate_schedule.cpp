#include "recurra/rate_schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "require.h"

namespace recurra {

namespace {

using Losses = std::span<const double>;

double rate_of(const ConstantRate&, double rate, int, Losses) { return rate; }

double rate_of(const StepDecay& s, double rate, int epoch, Losses) { return rate * std::pow(s.factor, epoch / s.step_size); }

double rate_of(const ExponentialDecay& s, double rate, int epoch, Losses) { return rate * std::pow(s.factor, epoch); }

double rate_of(const CosineDecay& s, double rate, int epoch, Losses) {
  if (epoch >= s.epochs) return s.minimum;
  return s.minimum + (rate - s.minimum) * (1 + std::cos(std::numbers::pi * epoch / s.epochs)) / 2;
}

double rate_of(const ReduceOnPlateau& s, double rate, int, Losses losses) {
  double best = std::numeric_limits<double>::infinity();
  int bad = 0;
  for (const double loss : losses) {
    const bool better = loss < best * (1 - s.threshold);
    if (better) best = loss;
    bad = better ? 0 : bad + 1;
    if (bad <= s.patience) continue;
    rate = std::max(rate * s.factor, s.minimum);
    bad = 0;
  }
  return rate;
}

double rate_of(const LinearWarmup& s, double rate, int epoch, Losses losses) {
  if (epoch < s.epochs) return rate * (epoch + 1) / (double(s.epochs) + 1);
  losses = losses.subspan(std::min(std::size_t(s.epochs), losses.size()));
  return std::visit([&](const auto& then) { return rate_of(then, rate, epoch - s.epochs, losses); }, s.then);
}

void require_factor(const char* owner, double factor) {
  require(factor > 0 && factor <= 1, owner, "factor", factor, "0 < factor <= 1");
}

void require_minimum(const char* owner, double minimum, double rate) {
  require_amount(owner, "minimum", minimum);
  require(minimum <= rate, owner, "minimum", minimum, "at most the learning rate, " + std::to_string(rate));
}

void check(const ConstantRate&, double) {}
void check(const StepDecay& s, double) {
  require(s.step_size >= 1, "StepDecay", "step_size", s.step_size, "at least 1");
  require_factor("StepDecay", s.factor);
}
void check(const ExponentialDecay& s, double) { require_factor("ExponentialDecay", s.factor); }
void check(const CosineDecay& s, double rate) {
  require(s.epochs >= 1, "CosineDecay", "epochs", s.epochs, "at least 1");
  require_minimum("CosineDecay", s.minimum, rate);
}
void check(const ReduceOnPlateau& s, double rate) {
  require_factor("ReduceOnPlateau", s.factor);
  require(s.patience >= 0, "ReduceOnPlateau", "patience", s.patience, "at least 0");
  require(s.threshold >= 0 && s.threshold < 1, "ReduceOnPlateau", "threshold", s.threshold, "0 <= threshold < 1");
  require_minimum("ReduceOnPlateau", s.minimum, rate);
}
void check(const LinearWarmup& s, double rate) {
  require(s.epochs >= 1, "LinearWarmup", "epochs", s.epochs, "at least 1");
  std::visit([&](const auto& then) { check(then, rate); }, s.then);
}

}  // namespace

double scheduled_rate(const RateSchedule& schedule, double rate, int epoch, std::span<const double> losses) {
  return std::visit([&](const auto& s) { return rate_of(s, rate, epoch, losses); }, schedule);
}

void check_schedule(const RateSchedule& schedule, double rate) {
  std::visit([&](const auto& s) { check(s, rate); }, schedule);
}

}  // namespace recurra
