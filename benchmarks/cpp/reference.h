// The reference steps that were compiled, of one instruction set.
#pragma once

#include <cstddef>

namespace recurra {

// One of them, in registers of so many floats. `memory`: 64-byte aligned, of `bytes`.
struct Reference {
  int lanes;
  std::size_t bytes;
  void (*pack)(void* memory, const float* weight_ih, const float* weight_hh, const float* bias);
  void (*run)(void* memory, const float* x, float* y);
};
inline constexpr int most_references = 3;

}  // namespace recurra
