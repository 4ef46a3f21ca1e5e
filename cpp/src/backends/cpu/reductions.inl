// Sums over what is read once, in the order it lies: over the rows of a matrix too large for the caches, over exponentials, over
// squares.
#pragma once

#include "../../math/fold.h"
#include "../../math/functions.h"
#include "../../math/pack.h"
#include "../backend.h"

namespace recurra {
inline namespace RECURRA_ISA {

inline constexpr int rows_at_once = 8;
inline constexpr Index columns_at_once = 2048;  // sums that stay in the first-level cache

// The sum over the lanes, in double.
RECURRA_INLINE double lane_total(Pack<double> x) { return lane_sum(x.v); }
RECURRA_INLINE double lane_total(Pack<float> x) {
  typedef float Half __attribute__((vector_size(vector_bytes / 2)));
  Half halves[2];
  __builtin_memcpy(halves, &x.v, sizeof halves);
  using Doubles = Pack<double>::Vector;
  return lane_sum(__builtin_convertvector(halves[0], Doubles) + __builtin_convertvector(halves[1], Doubles));
}

// y[width] += sum over `count` rows of v[r] a[r] (v null: of a[r]); all rows are read side by side.
template <int count, class T>
void combine_rows(const T* v, const T* a, Index a_stride, Index width, T* y) {
  using P = Pack<T>;
  constexpr int lanes = P::lanes;
  const auto column = [&](Index j, const auto& load) __attribute__((always_inline)) {
    P sum = load(y + j);
#pragma GCC unroll 8
    for (int r = 0; r < count; ++r) {
      const P row = load(a + r * a_stride + j);
      sum = sum + (v ? P(v[r]) * row : row);
    }
    return sum;
  };
  Index j = 0;
  for (; j + lanes <= width; j += lanes) column(j, [](const T* p) { return P::load(p); }).store(y + j);
  if (const int rest = int(width - j); rest > 0) column(j, [&](const T* p) { return P::load(p, rest); }).store(y + j, rest);
}

template <class T>
void combine(const T* v, Index rows, const T* a, Index a_stride, Index width, T* y) {
  for (Index begin = 0; begin < width; begin += columns_at_once) {
    const Index columns = width - begin < columns_at_once ? width - begin : columns_at_once;
    Index r = 0;
    for (; r + rows_at_once <= rows; r += rows_at_once)
      combine_rows<rows_at_once>(v ? v + r : v, a + r * a_stride + begin, a_stride, columns, y + begin);
    for (; r < rows; ++r) combine_rows<1>(v ? v + r : v, a + r * a_stride + begin, a_stride, columns, y + begin);
  }
}

template <int count, class T>
void correlate_rows(const T* a, Index a_stride, const T* b, Index b_stride, Index width, T* y) {
  using P = Pack<T>;
  constexpr int lanes = P::lanes;
  const auto column = [&](Index j, const auto& load) __attribute__((always_inline)) {
    P sum = load(y + j);
#pragma GCC unroll 8
    for (int r = 0; r < count; ++r) sum = sum + load(a + r * a_stride + j) * load(b + r * b_stride + j);
    return sum;
  };
  Index j = 0;
  for (; j + lanes <= width; j += lanes) column(j, [](const T* p) { return P::load(p); }).store(y + j);
  if (const int rest = int(width - j); rest > 0) column(j, [&](const T* p) { return P::load(p, rest); }).store(y + j, rest);
}

template <class T>
void correlate(Index rows, const T* a, Index a_stride, const T* b, Index b_stride, Index width, T* y) {
  Index r = 0;
  for (; r + rows_at_once <= rows; r += rows_at_once)
    correlate_rows<rows_at_once>(a + r * a_stride, a_stride, b + r * b_stride, b_stride, width, y);
  for (; r < rows; ++r) correlate_rows<1>(a + r * a_stride, a_stride, b + r * b_stride, b_stride, width, y);
}

// The largest magnitude; NaN if some value is not finite.
template <class T>
T largest(const T* x, Index count) {
  using P = Pack<T>;
  constexpr int lanes = P::lanes;
  P most[4] = {P(0), P(0), P(0), P(0)}, spoiled[4] = {P(0), P(0), P(0), P(0)};
  const auto take = [&](int k, P value) __attribute__((always_inline)) {
    const P magnitude = select(value < P(0), -value, value);
    most[k] = select(magnitude > most[k], magnitude, most[k]);
    spoiled[k] = spoiled[k] + (value - value);  // stays 0 for finite values
  };
  Index j = 0;
  for (; j + 4 * lanes <= count; j += 4 * lanes)
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) take(k, P::load(x + j + k * lanes));
  for (; j + lanes <= count; j += lanes) take(0, P::load(x + j));
  if (j < count) take(0, P::load(x + j, int(count - j)));
#pragma GCC unroll 4
  for (int k = 1; k < 4; ++k) {
    most[0] = select(most[k] > most[0], most[k], most[0]);
    spoiled[0] = spoiled[0] + spoiled[k];
  }
  return lane_max(most[0].v) + lane_sum(spoiled[0].v);
}

template <class T>
ExpSum<T> exponentials(const T* x, Index count, T* e) {
  using P = Pack<T>;
  constexpr int lanes = P::lanes;
  constexpr Index block = 1024;                     // whose sums may be T's: a long sum in T would lose digits
  constexpr T least = sizeof(T) == 4 ? -64 : -600;  // below it 0, as no sum would show: what follows would meet subnormals
  P most(x[0]);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) most = max(most, P::load(x + j));
  T top = lane_max(most.v);
  for (; j < count; ++j) top = x[j] > top ? x[j] : top;
  const auto value_of = [&](P score) __attribute__((always_inline)) {
    const P d = score - P(top);
    return select(d < P(least), P(0), exp(d));
  };
  double total = 0;
  for (Index begin = 0; begin < count; begin += block) {
    const Index end = count - begin < block ? count : begin + block;
    P sum(0);
    for (j = begin; j + lanes <= end; j += lanes) {
      const P value = value_of(P::load(x + j));
      if (e) value.store(e + j);
      sum = sum + value;
    }
    if (const int rest = int(end - j); rest > 0) {
      const P value = value_of(P::load(x + j, rest));
      if (e) value.store(e + j, rest);
      for (int lane = 0; lane < rest; ++lane) total += double(value.v[lane]);
    }
    total += lane_total(sum);
  }
  return {top, total};
}

template <class T>
double squares(const T* y, const T* target, Index count, T factor, T* d) {
  using P = Pack<T>;
  constexpr int lanes = P::lanes;
  P sum[2] = {P(0), P(0)};
  const auto take = [&](int k, P difference) __attribute__((always_inline)) {
    sum[k] = sum[k] + difference * difference;
    return P(factor) * difference;
  };
  Index j = 0;
  for (; j + 2 * lanes <= count; j += 2 * lanes)
    for (int k = 0; k < 2; ++k) {
      const P scaled = take(k, P::load(y + j + k * lanes) - P::load(target + j + k * lanes));
      if (d) scaled.store(d + j + k * lanes);
    }
  for (; j + lanes <= count; j += lanes) {
    const P scaled = take(0, P::load(y + j) - P::load(target + j));
    if (d) scaled.store(d + j);
  }
  if (const int rest = int(count - j); rest > 0) {
    const P scaled = take(1, P::load(y + j, rest) - P::load(target + j, rest));
    if (d) scaled.store(d + j, rest);
  }
  return lane_total(sum[0] + sum[1]);
}

template <class T>
Reductions<T> reductions_table() {
  return {combine<T>, correlate<T>, largest<T>, exponentials<T>, squares<T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
