// A stateless hash: random numbers by place instead of by order of drawing.
#pragma once

#include <cstdint>

namespace recurra {

// Inlined always: kernels use these too, and must not leave symbols behind.
#define RECURRA_ALWAYS_INLINE inline __attribute__((always_inline))

// A stateless hash of two words (the finaliser of splitmix64; Steele et al., OOPSLA 2014).
RECURRA_ALWAYS_INLINE std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a + 0x9e3779b97f4a7c15u * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// The upper 53 bits as a number in [0, 1).
RECURRA_ALWAYS_INLINE double unit_interval(std::uint64_t bits) { return double(bits >> 11) * 0x1p-53; }

#undef RECURRA_ALWAYS_INLINE

}  // namespace recurra
