// The reference: one streaming step of one layer, written out for its size, as fast as we can without the library.
//
// The weights of a group of units lie as the step reads them, one input or fed state after the other, for each all gates of
// all registers of the group: a single linear pass, with every sum of the group in a register, and the cell behind it.
// Sums that are too few to hide the latency of an addition are split into phases: input k goes to phase k modulo their number.
#pragma once

#include <cstring>

#include "reference_cells.h"

namespace recurra {
inline namespace RECURRA_ISA {
namespace reference {

#if defined(__AVX512F__)
inline constexpr int register_count = 32;
#else
inline constexpr int register_count = 16;
#endif

template <class Cell, int I, int H, int W>
class Step {
  using R = Register<W>;
  using V = typename R::V;

  static constexpr int blocks = (H + W - 1) / W, padded = blocks * W, most = register_count * 3 / 4 / Cell::sums;
  // Blocks of W units in a group: the largest divisor of their number whose sums fit.
  static constexpr int together = [] {
    int count = 1;
    for (int n = 1; n <= blocks; ++n)
      if (blocks % n == 0 && n <= most) count = n;
    return count;
  }();
  static constexpr int groups = blocks / together;
  static constexpr int wanted = (8 + together * Cell::sums - 1) / (together * Cell::sums);
  static constexpr int phases = wanted < 1 ? 1 : wanted;
  static constexpr int row = together * Cell::gates * W, group_size = (I + H) * row;

 public:
  // weight_ih: [gates * H][I], weight_hh: [gates * H][H], bias: [H] for each of the cell's biases. From a zero state.
  static void pack(void* memory, const float* weight_ih, const float* weight_hh, const float* bias) {
    Step& self = *static_cast<Step*>(memory);
    std::memset(memory, 0, sizeof(Step));
    for (int u = 0; u < H; ++u) {
      const int group = u / W / together, block = u / W % together, lane = u % W;
      float* at = self.weights_ + group * group_size + block * Cell::gates * W + lane;
      for (int g = 0; g < Cell::gates; ++g) {
        for (int k = 0; k < I; ++k) at[k * row + g * W] = weight_ih[(g * H + u) * I + k];
        for (int k = 0; k < H; ++k) at[(I + k) * row + g * W] = weight_hh[(g * H + u) * H + k];
      }
      for (int b = 0; b < int(sizeof(Cell::biases) / sizeof(int)); ++b)
        self.bias_[(u / W * Cell::sums + Cell::biases[b]) * W + lane] = bias[b * H + u];
    }
  }

  static void run(void* memory, const float* x, float* y) { static_cast<Step*>(memory)->step(x, y); }

 private:
  struct Sums {
    V of[phases][together][Cell::sums];
  };

  // The products with count numbers; slots tells the sum of each gate.
  template <int count>
  static
  RECURRA_INLINE void products(Sums& sum, const float* x, const float* weights, const int (&slots)[Cell::gates]) {
    constexpr int whole = count / phases * phases;
#pragma GCC unroll 4
    for (int k = 0; k < whole; k += phases)
#pragma GCC unroll 8
      for (int p = 0; p < phases; ++p) add(sum, p, x[k + p], weights + (k + p) * row, slots);
#pragma GCC unroll 8
    for (int p = 0; p < count - whole; ++p) add(sum, p, x[whole + p], weights + (whole + p) * row, slots);
  }
  static RECURRA_INLINE void add(Sums& sum, int phase, float x, const float* weights, const int (&slots)[Cell::gates]) {
    const V factor = R::broadcast(x);
#pragma GCC unroll 8
    for (int block = 0; block < together; ++block)
#pragma GCC unroll 4
      for (int g = 0; g < Cell::gates; ++g)
        sum.of[phase][block][slots[g]] += factor * R::load(weights + (block * Cell::gates + g) * W);
  }

  RECURRA_INLINE void step(const float* x, float* y) {
    const float* h = h_[turn_];
    if constexpr (groups > 1) turn_ ^= 1;  // with one group nothing is written before everything is read
    float* next = h_[turn_];
#pragma GCC unroll 1
    for (int group = 0; group < groups; ++group) {
      const float* weights = weights_ + group * group_size;
      Sums sum;
#pragma GCC unroll 8
      for (int p = 0; p < phases; ++p)
#pragma GCC unroll 8
        for (int block = 0; block < together; ++block)
#pragma GCC unroll 4
          for (int s = 0; s < Cell::sums; ++s)
            sum.of[p][block][s] = p ? V{} : R::load(bias_ + ((group * together + block) * Cell::sums + s) * W);
      products<I>(sum, x, weights, Cell::input);
      products<H>(sum, h, weights + I * row, Cell::recurrent);
#pragma GCC unroll 8
      for (int block = 0; block < together; ++block) {
#pragma GCC unroll 4
        for (int s = 0; s < Cell::sums; ++s)
#pragma GCC unroll 8
          for (int p = 1; p < phases; ++p) sum.of[0][block][s] += sum.of[p][block][s];
        const int unit = (group * together + block) * W;
        V state = R::load(state_ + unit);
        const V out = Cell::template unit<R>(sum.of[0][block], R::load(h + unit), &state);
        if constexpr (Cell::states > 0) R::store(state_ + unit, state);
        R::store(next + unit, out);
        if constexpr (padded == H) R::store_unaligned(y + unit, out);
      }
    }
    if constexpr (padded != H) std::memcpy(y, next, H * sizeof(float));
  }

  alignas(64) float weights_[groups * group_size];
  alignas(64) float bias_[blocks * Cell::sums * W];
  alignas(64) float h_[2][padded];
  alignas(64) float state_[padded];
  int turn_;
};

}  // namespace reference
}  // namespace RECURRA_ISA
}  // namespace recurra
