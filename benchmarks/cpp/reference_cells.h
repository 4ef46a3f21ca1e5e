// The cells of the reference steps: which accumulators their gates are summed in, and what a unit does with the sums.
#pragma once

#include "reference_math.h"

namespace recurra {
inline namespace RECURRA_ISA {
namespace reference {

// Rows of the parameter matrices stand gate by gate; gate g of W x goes to the sum input[g], of R h to recurrent[g].
// In `bias`, of the library's layout, block g belongs to the sum biases[g].
struct Lstm {
  static constexpr const char* name = "LSTM";
  static constexpr int gates = 4, sums = 4, states = 1;  // the states besides h
  static constexpr int input[] = {0, 1, 2, 3}, recurrent[] = {0, 1, 2, 3}, biases[] = {0, 1, 2, 3};
  template <class R, class V = typename R::V>
  static
  RECURRA_INLINE V unit(const V* sum, V, V* c) {
    const V cell = R::tanh_numerator(sum[2]);
    c[0] = c[0] / R::sigmoid_denominator(sum[1]) + cell / (R::sigmoid_denominator(sum[0]) * (cell + 2.0f));
    const V out = R::tanh_numerator(c[0]);
    return out / (R::sigmoid_denominator(sum[3]) * (out + 2.0f));
  }
};

struct Gru {
  static constexpr const char* name = "GRU";
  static constexpr int gates = 3, sums = 4, states = 0;
  static constexpr int input[] = {0, 1, 2}, recurrent[] = {0, 1, 3}, biases[] = {0, 1, 2, 3};
  template <class R, class V = typename R::V>
  static RECURRA_INLINE V unit(const V* sum, V h, V*) {
    const V fresh = R::tanh(sum[2] + sum[3] / R::sigmoid_denominator(sum[0]));
    return fresh + (h - fresh) / R::sigmoid_denominator(sum[1]);
  }
};

struct Elman {
  static constexpr const char* name = "Elman";
  static constexpr int gates = 1, sums = 1, states = 0;
  static constexpr int input[] = {0}, recurrent[] = {0}, biases[] = {0};
  template <class R, class V = typename R::V>
  static RECURRA_INLINE V unit(const V* sum, V, V*) {
    return R::tanh(sum[0]);
  }
};

}  // namespace reference
}  // namespace RECURRA_ISA
}  // namespace recurra
