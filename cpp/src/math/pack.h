// Pack<T>: one vector register of T (the number type of the CPU kernels), on the compiler's vector extension.
#pragma once

#include <type_traits>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "isa.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <class T>
struct PackTraits;
template <>
struct PackTraits<float> {
  typedef float Vector __attribute__((vector_size(vector_bytes)));
  typedef int Mask __attribute__((vector_size(vector_bytes)));
  typedef float Unaligned __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
};
template <>
struct PackTraits<double> {
  typedef double Vector __attribute__((vector_size(vector_bytes)));
  typedef long long Mask __attribute__((vector_size(vector_bytes)));
  typedef double Unaligned __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
};

template <class T>
struct Pack {
  using Scalar = T;
  using Vector = typename PackTraits<T>::Vector;
  using Mask = typename PackTraits<T>::Mask;
  using Unaligned = typename PackTraits<T>::Unaligned;
  static constexpr int lanes = vector_bytes / int(sizeof(T));

  Vector v;

  Pack() = default;
  RECURRA_INLINE Pack(Vector vector) : v(vector) {}
  template <class S, class = std::enable_if_t<std::is_arithmetic_v<S>>>
  RECURRA_INLINE Pack(S scalar) : v(broadcast(T(scalar))) {}

  // A subtraction of zero broadcasts without the signed-zero blend that `vector + scalar` costs.
  static RECURRA_INLINE Vector broadcast(T scalar) { return scalar - Vector{}; }
  static RECURRA_INLINE Pack load(const T* p) { return Pack(Vector(*reinterpret_cast<const Unaligned*>(p))); }
  RECURRA_INLINE void store(T* p) const { *reinterpret_cast<Unaligned*>(p) = v; }

  // The first `count` < lanes elements; the other lanes are zero, respectively left alone in memory.
  static RECURRA_INLINE Pack load(const T* p, int count);
  RECURRA_INLINE void store(T* p, int count) const;

  // x within these bounds; a NaN stays one.
  static RECURRA_INLINE Pack clamped(Pack x, T lowest, T highest);

  friend RECURRA_INLINE Pack operator+(Pack a, Pack b) { return a.v + b.v; }
  friend RECURRA_INLINE Pack operator-(Pack a, Pack b) { return a.v - b.v; }
  friend RECURRA_INLINE Pack operator*(Pack a, Pack b) { return a.v * b.v; }
  friend RECURRA_INLINE Pack operator/(Pack a, Pack b) { return a.v / b.v; }
  friend RECURRA_INLINE Pack operator-(Pack a) { return -a.v; }
  friend RECURRA_INLINE Mask operator<(Pack a, Pack b) { return a.v < b.v; }
  friend RECURRA_INLINE Mask operator>(Pack a, Pack b) { return a.v > b.v; }
  friend RECURRA_INLINE Pack select(Mask mask, Pack a, Pack b) { return mask ? a.v : b.v; }
};

// The processor's min and max give their second operand where one is NaN.
#if defined(__AVX512F__)  // the forms with a mask: GCC warns of what the others leave undefined
#define RECURRA_CLAMP(name, a, b) _mm512_maskz_##name(-1, a, b)
#elif defined(__AVX2__)
#define RECURRA_CLAMP(name, a, b) _mm256_##name(a, b)
#elif defined(__SSE2__)
#define RECURRA_CLAMP(name, a, b) _mm_##name(a, b)
#endif
#ifdef RECURRA_CLAMP
template <>
RECURRA_INLINE Pack<float> Pack<float>::clamped(Pack x, float lowest, float highest) {
  return Vector(RECURRA_CLAMP(max_ps, broadcast(lowest), RECURRA_CLAMP(min_ps, broadcast(highest), x.v)));
}
template <>
RECURRA_INLINE Pack<double> Pack<double>::clamped(Pack x, double lowest, double highest) {
  return Vector(RECURRA_CLAMP(max_pd, broadcast(lowest), RECURRA_CLAMP(min_pd, broadcast(highest), x.v)));
}
#undef RECURRA_CLAMP
#else
template <class T>
RECURRA_INLINE Pack<T> Pack<T>::clamped(Pack x, T lowest, T highest) {
  x = select(x > Pack(highest), Pack(highest), x);  // in this order a NaN stays one
  return select(x < Pack(lowest), Pack(lowest), x);
}
#endif

#if defined(__AVX512F__)
template <>
RECURRA_INLINE Pack<float> Pack<float>::load(const float* p, int count) {
  return Vector(_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), p));
}
template <>
RECURRA_INLINE void Pack<float>::store(float* p, int count) const {
  _mm512_mask_storeu_ps(p, __mmask16((1u << count) - 1), __m512(v));
}
template <>
RECURRA_INLINE Pack<double> Pack<double>::load(const double* p, int count) {
  return Vector(_mm512_maskz_loadu_pd(__mmask8((1u << count) - 1), p));
}
template <>
RECURRA_INLINE void Pack<double>::store(double* p, int count) const {
  _mm512_mask_storeu_pd(p, __mmask8((1u << count) - 1), __m512d(v));
}
#else
// Narrow registers: at most seven elements, one by one.
template <class T>
RECURRA_INLINE Pack<T> Pack<T>::load(const T* p, int count) {
  Vector result{};
  for (int lane = 0; lane < count; ++lane) result[lane] = p[lane];
  return result;
}
template <class T>
RECURRA_INLINE void Pack<T>::store(T* p, int count) const {
  for (int lane = 0; lane < count; ++lane) p[lane] = v[lane];
}
#endif

}  // namespace RECURRA_ISA
}  // namespace recurra
