// Reading, as fast as an instruction set does it: the other ceiling. Compiled once per instruction set.
#include "math/pack.h"

namespace recurra {
inline namespace RECURRA_ISA {

// Reads `count` floats, a multiple of 256, `passes` times; gives back something that depends on each.
float read_all(const float* data, long count, long passes) {
  using P = Pack<float>;
  constexpr int sums = 8;
  P sum[sums];
#pragma GCC unroll 8
  for (int i = 0; i < sums; ++i) sum[i] = P(0);
  for (long pass = 0; pass < passes; ++pass)
    for (const float* at = data; at != data + count; at += sums * P::lanes)
#pragma GCC unroll 8
      for (int i = 0; i < sums; ++i) sum[i] = sum[i] + P::load(at + i * P::lanes);
  float total = 0;
  for (int i = 0; i < sums; ++i)
    for (int lane = 0; lane < P::lanes; ++lane) total += sum[i].v[lane];
  return total;
}

}  // namespace RECURRA_ISA
}  // namespace recurra
