// The machine's peak: multiply-adds on registers alone. Compiled once per instruction set.
#include "math/pack.h"

namespace recurra {
inline namespace RECURRA_ISA {

// Runs `rounds` rounds; returns their floating-point operations, and through `sink` something that depends on each.
double multiply_adds(long rounds, float* sink) {
  using P = Pack<float>;
  constexpr int sums = vector_bytes == 64 ? 24 : 12;
  const P factor(*sink), term(1 - *sink);
  P sum[sums];
#pragma GCC unroll 24
  for (int i = 0; i < sums; ++i) sum[i] = P(float(i));
  for (long round = 0; round < rounds; ++round)
#pragma GCC unroll 24
    for (int i = 0; i < sums; ++i) sum[i] = sum[i] * factor + term;
  P total(0);
#pragma GCC unroll 24
  for (int i = 0; i < sums; ++i) total = total + sum[i];
  for (int lane = 0; lane < P::lanes; ++lane) *sink += 1e-30f * total.v[lane];
  return 2.0 * double(rounds) * sums * P::lanes;
}

}  // namespace RECURRA_ISA
}  // namespace recurra
