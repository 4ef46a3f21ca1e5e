// Reproducible random numbers: the same on every platform, which the standard library's distributions are not.
#pragma once

#include <cmath>

#include "hash.h"

namespace recurra {

// A sequence of draws.
class Random {
 public:
  explicit Random(std::uint64_t seed) : key_(mix(seed, 0)) {}
  std::uint64_t bits() { return mix(key_, ++counter_); }
  double uniform() { return unit_interval(bits()); }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal() {  // Box and Muller (1958)
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  // 0 .. count - 1
  std::uint64_t below(std::uint64_t count) { return std::uint64_t(uniform() * double(count)); }

 private:
  std::uint64_t key_, counter_ = 0;
};

}  // namespace recurra
