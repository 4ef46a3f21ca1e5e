// Registers of W floats, whatever the instruction set's own width, and exp and tanh on them, for the reference steps.
//
// e^x = 2^n e^r with |r| <= ln(2) / 2; e^r - 1 by a polynomial of degree 6 (a fit of least maximal error: 4e-9), in Estrin's
// order, which is shorter in time than Horner's. Sigmoid and tanh come out as numerator and denominator, so that a cell can
// divide once where it multiplies them. What comes of it is within 3 units in the last place of the exact value.
#pragma once

#include "math/pack.h"

namespace recurra {
inline namespace RECURRA_ISA {
namespace reference {

template <int W>
struct Register {
  typedef float V __attribute__((vector_size(4 * W)));
  typedef int Bits __attribute__((vector_size(4 * W)));
  typedef float Unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));

  static
  RECURRA_INLINE V broadcast(float x) { return x - V{}; }  // a subtraction: no blend for signed zeros
  static RECURRA_INLINE V load(const float* p) { return *reinterpret_cast<const V*>(p); }
  static RECURRA_INLINE void store(float* p, V v) { *reinterpret_cast<V*>(p) = v; }
  static RECURRA_INLINE void store_unaligned(float* p, V v) { *reinterpret_cast<Unaligned*>(p) = v; }
  static RECURRA_INLINE V clamp(V x, float bound) {
    const V low = broadcast(-bound), high = broadcast(bound);
    x = x < low ? low : x;
    return x > high ? high : x;
  }

  struct Exp {
    V scale, fraction;  // e^x = scale + scale * fraction
  };
  // For |x| <= 87.
  static RECURRA_INLINE Exp exp(V x) {
    constexpr float to_integer = 12582912.0f;  // 1.5 * 2^23: the low bits of a sum with it are the rounded integer
    const V shifted = x * 1.44269504088896340736f + to_integer;
    const V n = shifted - to_integer;
    const V r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    const V square = r * r;
    const V low = 0.166665188f * r + 0.50000001f, high = (0.00139505036f * r + 0.00836889658f) * r + 0.0416662056f;
    const V fraction = (high * square + low) * square + r;
    return {V((Bits(shifted) + 127) << 23), fraction};
  }

  // 1 / sigmoid(x)
  static RECURRA_INLINE V sigmoid_denominator(V x) {
    const Exp e = exp(clamp(-x, 87.0f));
    return (e.scale * e.fraction + e.scale) + 1.0f;
  }
  // tanh x = numerator / (numerator + 2), exact near 0. From |x| = 9.1 on it is 1 in single precision.
  static RECURRA_INLINE V tanh_numerator(V x) {
    const Exp e = exp(clamp(x + x, 18.5f));
    return e.scale * e.fraction + (e.scale - 1.0f);
  }
  static RECURRA_INLINE V tanh(V x) {
    const V e = tanh_numerator(x);
    return e / (e + 2.0f);
  }
};

}  // namespace reference
}  // namespace RECURRA_ISA
}  // namespace recurra
