// Reproducible random numbers: the same on every platform, which the standard library's distributions are not.
#pragma once

#include <cmath>
#include <cstdint>

namespace recurra {

// A stateless hash of two words (the finaliser of splitmix64; Steele et al., OOPSLA 2014).
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a + 0x9e3779b97f4a7c15u * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// The upper 53 bits as a number in [0, 1).
inline double unit_interval(std::uint64_t bits) { return double(bits >> 11) * 0x1p-53; }

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
