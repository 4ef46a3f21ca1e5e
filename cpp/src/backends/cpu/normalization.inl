// Layer normalisation of rows, and its Jacobian: a few rows at a time, so that their sums over lanes are one.
#pragma once

#include "../../math/functions.h"
#include "../backend.h"
#include "lanes.inl"

namespace recurra {
inline namespace RECURRA_ISA {

template <class T>
inline constexpr int rows_normalized = Pack<T>::lanes < 4 ? Pack<T>::lanes : 4;  // at once

// Lanes past the end become zero.
template <class T>
RECURRA_INLINE Pack<T> only(const Lanes<T, false>&, Pack<T> x) {
  return x;
}
template <class T>
RECURRA_INLINE Pack<T> only(const Lanes<T, true>& lanes, Pack<T> x) {
  typename Pack<T>::Mask lane;
  for (int k = 0; k < Pack<T>::lanes; ++k) lane[k] = k;
  return select(lane < (typename Pack<T>::Mask{} + lanes.count), x, Pack<T>(0));
}

// a and b consist of sums over `size` adjacent lanes. The lower halves of these plus the upper ones, one of a's and one of b's by
// turns.
template <int size, class T>
RECURRA_INLINE Pack<T> halved(Pack<T> a, Pack<T> b) {
  constexpr int lanes = Pack<T>::lanes, half = size / 2;
  typename Pack<T>::Mask lower{};
#pragma GCC unroll 16
  for (int k = 0; k < lanes; ++k) lower[k] = k / size * size + k % half + (k & half ? lanes : 0);
#if defined(__GNUC__) && !defined(__clang__)
  return Pack<T>(__builtin_shuffle(a.v, b.v, lower)) + Pack<T>(__builtin_shuffle(a.v, b.v, lower + half));
#else
  Pack<T> sum;
  for (int k = 0; k < lanes; ++k) {
    const int from = int(lower[k]);
    sum.v[k] = from < lanes ? a.v[from] + a.v[from + half] : b.v[from - lanes] + b.v[from - lanes + half];
  }
  return sum;
#endif
}

// The sums over the lanes of x[0], x[1], ..: the i-th one in each of the i-th group of lanes. One row's is to the bit that of
// several.
template <int count, int size, class T>
RECURRA_INLINE Pack<T> lane_sums(const Pack<T>* x) {
  if constexpr (size == 1) {
    return x[0];
  } else if constexpr (count == 1) {
    const Pack<T> sum = halved<size>(x[0], x[0]);
    return lane_sums<1, size / 2>(&sum);
  } else {
    Pack<T> sums[count / 2];
#pragma GCC unroll 4
    for (int i = 0; i < count / 2; ++i) sums[i] = halved<size>(x[i], x[i + count / 2]);
    return lane_sums<count / 2, size / 2>(sums);
  }
}

// `count` numbers, which lane_sums left in a register, to be spread over one each.
template <int count, class T>
struct Spread {
  static constexpr int lanes = Pack<T>::lanes;
  T number[lanes];
  RECURRA_INLINE explicit Spread(Pack<T> x) { x.store(number); }
  RECURRA_INLINE T operator[](int i) const { return number[i * (lanes / count)]; }
};

// The variance from squares of what is left of the mean: one pass, over x and x^2, would lose what they have in common.
template <int count, class T>
RECURRA_INLINE void normalize_rows(const NormRows<T>& rows, Index r, Index b, const T* x, Index x_stride, const T* base,
                                   Index base_stride, T* y, Index y_stride) {
  using N = Pack<T>;
  const Index units = rows.units, column = b * units;
  const T* from[count];
  N sum[count], square[count];
#pragma GCC unroll 4
  for (int i = 0; i < count; ++i) {
    from[i] = x + (r + i) * x_stride + column;
    sum[i] = square[i] = N(0);
  }
  for_each_register<T>(units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) {
      sum[i] = sum[i] + lanes.load(from[i] + j);
    }
  });
  const N share(T(1) / T(units));
  const Spread<count, T> means(share * lane_sums<count, N::lanes>(sum));
  for_each_register<T>(units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) {
      const N left = only(lanes, lanes.load(from[i] + j) - N(means[i]));
      square[i] = square[i] + left * left;
    }
  });
  const N variance = share * lane_sums<count, N::lanes>(square);
  const Spread<count, T> rates(N(1) / sqrt(variance + N(T(Normalization<T>::epsilon))));
  for (int i = 0; i < count; ++i) rows.rate[(r + i) * rows.rate_stride + b] = rates[i];
  for_each_register<T>(units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
    const N gain = lanes.load(rows.gain + column + j);
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) {
      const N n = (lanes.load(from[i] + j) - N(means[i])) * N(rates[i]);
      lanes.store(rows.n + (r + i) * rows.n_stride + column + j, n);
      lanes.store(y + (r + i) * y_stride + column + j, lanes.load(base + (r + i) * base_stride + column + j) + gain * n);
    }
  });
}

template <class T>
void normalize(const NormRows<T>& rows, const T* x, Index x_stride, const T* base, Index base_stride, T* y, Index y_stride) {
  constexpr int count = rows_normalized<T>;
  Index r = 0;
  for (; r + count <= rows.rows; r += count)
    for (Index b = 0; b < rows.blocks; ++b) normalize_rows<count>(rows, r, b, x, x_stride, base, base_stride, y, y_stride);
  for (; r < rows.rows; ++r)
    for (Index b = 0; b < rows.blocks; ++b) normalize_rows<1>(rows, r, b, x, x_stride, base, base_stride, y, y_stride);
}

template <int count, bool gained, class T>
RECURRA_INLINE void multiply_by_jacobian(const NormRows<T>& rows, const NormVectors<T>& d, Index c, Index b) {
  using N = Pack<T>;
  const Index units = rows.units, column = b * units;
  const T *n[count], *v[count];
  T *out[count], rate[count];
  N sum[count], product[count];
#pragma GCC unroll 4
  for (int i = 0; i < count; ++i) {
    const Index r = d.seeds == 1 ? c + i : (c + i) / d.seeds;
    n[i] = rows.n + r * rows.n_stride + column;
    v[i] = d.v + (c + i) * d.v_stride + column;
    out[i] = d.out + (c + i) * d.out_stride + column;
    sum[i] = product[i] = N(0);
    rate[i] = rows.rate[r * rows.rate_stride + b];
  }
  const auto scaled = [&](N x, Index j, const auto& lanes) __attribute__((always_inline)) {
    if constexpr (gained)
      return x * lanes.load(rows.gain + column + j);
    else
      return x;
  };
  for_each_register<T>(units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) {
      const N x = scaled(lanes.load(v[i] + j), j, lanes);
      sum[i] = sum[i] + x;
      product[i] = product[i] + x * lanes.load(n[i] + j);
    }
  });
  const N share(T(1) / T(units));
  const Spread<count, T> mean(share * lane_sums<count, N::lanes>(sum)), along(share * lane_sums<count, N::lanes>(product));
  for_each_register<T>(units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
    N dgain = d.dgain ? lanes.load(d.dgain + column + j) : N(0);
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) {
      const N x = lanes.load(v[i] + j), at = lanes.load(n[i] + j);
      N result = N(rate[i]) * (scaled(x, j, lanes) - N(mean[i]) - N(along[i]) * at);
      if (d.added) result = lanes.load(out[i] + j) + result;
      dgain = dgain + x * at;
      lanes.store(out[i] + j, result);
    }
    if (d.dgain) lanes.store(d.dgain + column + j, dgain);
  });
}

template <bool gained, class T>
void multiply_all_by_jacobian(const NormRows<T>& rows, const NormVectors<T>& d) {
  constexpr int count = rows_normalized<T>;
  const Index vectors = rows.rows * d.seeds;
  Index c = 0;
  for (; c + count <= vectors; c += count)
    for (Index b = 0; b < rows.blocks; ++b) multiply_by_jacobian<count, gained>(rows, d, c, b);
  for (; c < vectors; ++c)
    for (Index b = 0; b < rows.blocks; ++b) multiply_by_jacobian<1, gained>(rows, d, c, b);
}

template <class T>
void normalization_jacobian(const NormRows<T>& rows, const NormVectors<T>& d) {
  if (d.gained)
    multiply_all_by_jacobian<true>(rows, d);
  else
    multiply_all_by_jacobian<false>(rows, d);
}

template <class T>
Normalization<T> normalization_table() {
  return {normalize<T>, normalization_jacobian<T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
