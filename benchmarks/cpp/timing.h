// Timing of alternatives that take turns, so that a change of the machine's speed meets all of them alike.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace benchmark {

inline double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The value below which `part` of the values lie.
inline double quantile(std::vector<double> values, double part) {
  const auto at = values.begin() + std::ptrdiff_t(part * double(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// Calls in a block that lasts about `block` seconds.
inline long calls_in(const std::function<void()>& action, double block) {
  for (long calls = 1;; calls *= 2) {
    const double start = seconds();
    for (long i = 0; i < calls; ++i) action();
    const double taken = seconds() - start;
    if (taken > block / 4) return std::max(1L, long(double(calls) * block / taken));
  }
}

// The median seconds of one call of each action, measured in blocks by turns for `budget` seconds.
inline std::vector<double> medians(const std::vector<std::function<void()>>& actions, double budget, double block = 1e-3) {
  std::vector<long> calls;
  for (const auto& action : actions) calls.push_back(calls_in(action, block));
  std::vector<std::vector<double>> times(actions.size(), std::vector<double>{});
  for (const double end = seconds() + budget; seconds() < end || times[0].size() < 5;)
    for (std::size_t k = 0; k < actions.size(); ++k) {
      const double start = seconds();
      for (long i = 0; i < calls[k]; ++i) actions[k]();
      times[k].push_back((seconds() - start) / double(calls[k]));
    }
  std::vector<double> result;
  for (const auto& list : times) result.push_back(quantile(list, 0.5));
  return result;
}

}  // namespace benchmark
