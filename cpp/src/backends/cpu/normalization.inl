// Layer normalisation of rows, and its Jacobian: a few rows at a time, so that their sums over lanes are one.
#pragma once

#include <type_traits>

#include "../../math/functions.h"
#include "../backend.h"
#include "lanes.inl"

namespace recurra {
inline namespace RECURRA_ISA {

template <class T>
inline constexpr int rows_normalized = Pack<T>::lanes < 4 ? Pack<T>::lanes : 4;  // at once
template <class T>
inline constexpr int vectors_multiplied = Pack<T>::lanes < 8 ? Pack<T>::lanes / 2 : 4;  // by a Jacobian: two sums each

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
RECURRA_INLINE void normalize_rows(const NormRows<T>& rows, Index r, const T* x, Index x_stride, const T* base, Index base_stride,
                                   T* y, Index y_stride) {
  using N = Pack<T>;
  const Index units = rows.units, n_stride = rows.n_stride, rate_stride = rows.rate_stride;
  const N share(T(1) / T(units));
  const T* gain = rows.gain;
  T *n = rows.n + r * n_stride, *rate = rows.rate + r * rate_stride;
  x += r * x_stride;
  base += r * base_stride;
  y += r * y_stride;
  for (Index b = 0, column = 0; b < rows.blocks; ++b, column += units) {
    N sum[count], square[count];
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) sum[i] = square[i] = N(0);
    for_each_register<T>(column, column + units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int i = 0; i < count; ++i) sum[i] = sum[i] + lanes.load(x + i * x_stride + j);
    });
    const Spread<count, T> means(share * lane_sums<count, N::lanes>(sum));
    for_each_register<T>(column, column + units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int i = 0; i < count; ++i) {
        const N left = only(lanes, lanes.load(x + i * x_stride + j) - N(means[i]));
        square[i] = square[i] + left * left;
      }
    });
    const N variance = share * lane_sums<count, N::lanes>(square);
    const Spread<count, T> rates(N(1) / sqrt(variance + N(T(Normalization<T>::epsilon))));
    for (int i = 0; i < count; ++i) rate[i * rate_stride + b] = rates[i];
    for_each_register<T>(column, column + units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
      const N by = lanes.load(gain + j);
#pragma GCC unroll 4
      for (int i = 0; i < count; ++i) {
        const N value = (lanes.load(x + i * x_stride + j) - N(means[i])) * N(rates[i]);
        lanes.store(n + i * n_stride + j, value);
        lanes.store(y + i * y_stride + j, lanes.load(base + i * base_stride + j) + by * value);
      }
    });
  }
}

template <class T>
void normalize(const NormRows<T>& rows, const T* x, Index x_stride, const T* base, Index base_stride, T* y, Index y_stride) {
  constexpr int count = rows_normalized<T>;
  Index r = 0;
  for (; r + count <= rows.rows; r += count) normalize_rows<count>(rows, r, x, x_stride, base, base_stride, y, y_stride);
  for (; r < rows.rows; ++r) normalize_rows<1>(rows, r, x, x_stride, base, base_stride, y, y_stride);
}

// What a call asks for, known to the compiler.
template <bool gained_, bool added_, bool gives_dgain_>
struct Asked {
  static constexpr bool gained = gained_, added = added_, gives_dgain = gives_dgain_;
};

// `count` vectors, from c on, of the rows r, r + 1, .. (of r alone, if a row has several).
template <int count, class A, class T>
RECURRA_INLINE void multiply_by_jacobian(A, const NormRows<T>& rows, const NormVectors<T>& d, Index r, Index c) {
  using N = Pack<T>;
  const bool apart = d.seeds == 1;
  const Index units = rows.units, n_stride = apart ? rows.n_stride : 0, rate_stride = apart ? rows.rate_stride : 0;
  const Index v_stride = d.v_stride, out_stride = d.out_stride;
  const N share(T(1) / T(units));
  const T *gain = rows.gain, *n = rows.n + r * rows.n_stride, *rate = rows.rate + r * rows.rate_stride, *v = d.v + c * v_stride;
  T *out = d.out + c * out_stride, *dgain = d.dgain;
  const auto scaled = [&](N x, Index j, const auto& lanes) __attribute__((always_inline)) {
    if constexpr (A::gained)
      return x * lanes.load(gain + j);
    else
      return x;
  };
  for (Index b = 0, column = 0; b < rows.blocks; ++b, column += units) {
    N sums[2 * count];  // of the vectors, and along the rows
#pragma GCC unroll 8
    for (int i = 0; i < 2 * count; ++i) sums[i] = N(0);
    for_each_register<T>(column, column + units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int i = 0; i < count; ++i) {
        const N x = scaled(lanes.load(v + i * v_stride + j), j, lanes);
        sums[i] = sums[i] + x;
        sums[count + i] = sums[count + i] + x * lanes.load(n + i * n_stride + j);
      }
    });
    const Spread<2 * count, T> mean(share * lane_sums<2 * count, N::lanes>(sums));
    for_each_register<T>(column, column + units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
      N dgains = A::gives_dgain ? lanes.load(dgain + j) : N(0);
#pragma GCC unroll 4
      for (int i = 0; i < count; ++i) {
        const N x = lanes.load(v + i * v_stride + j), at = lanes.load(n + i * n_stride + j);
        N result = N(rate[i * rate_stride + b]) * (scaled(x, j, lanes) - N(mean[i]) - N(mean[count + i]) * at);
        if constexpr (A::added) result = lanes.load(out + i * out_stride + j) + result;
        if constexpr (A::gives_dgain) dgains = dgains + x * at;
        lanes.store(out + i * out_stride + j, result);
      }
      if constexpr (A::gives_dgain) lanes.store(dgain + j, dgains);
    });
  }
}

template <class A, class T>
void multiply_all_by_jacobian(A asked, const NormRows<T>& rows, const NormVectors<T>& d) {
  constexpr int count = vectors_multiplied<T>;
  const Index together = d.seeds == 1 ? rows.rows : d.seeds;
  for (Index begin = 0; begin < rows.rows * d.seeds; begin += together) {
    const Index row = begin / d.seeds;
    Index c = 0;
    for (; c + count <= together; c += count) multiply_by_jacobian<count>(asked, rows, d, d.seeds == 1 ? c : row, begin + c);
    for (; c < together; ++c) multiply_by_jacobian<1>(asked, rows, d, d.seeds == 1 ? c : row, begin + c);
  }
}

template <class T>
void normalization_jacobian(const NormRows<T>& rows, const NormVectors<T>& d) {
  const auto known = [](bool value, const auto& next) { value ? next(std::true_type{}) : next(std::false_type{}); };
  known(d.gained, [&](auto gained) {
    known(d.added, [&](auto added) {
      known(d.dgain, [&](auto gives_dgain) { multiply_all_by_jacobian(Asked<gained, added, gives_dgain>{}, rows, d); });
    });
  });
}

template <class T>
Normalization<T> normalization_table() {
  return {normalize<T>, normalization_jacobian<T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
