// Layer normalisation of rows, and its Jacobian.
#pragma once

#include "cell_forward.inl"

namespace recurra {
inline namespace RECURRA_ISA {

#if defined(__GNUC__) && !defined(__clang__)
// By halves; every step a template, so that the shuffle's pattern is a constant.
template <class T, int step = Pack<T>::lanes / 2>
RECURRA_INLINE T lane_sum(Pack<T> x) {
  if constexpr (step == 0) {
    return x.v[0];
  } else {
    typename Pack<T>::Mask partner{};
#pragma GCC unroll 16
    for (int lane = 0; lane < Pack<T>::lanes; ++lane) partner[lane] = lane ^ step;
    return lane_sum<T, step / 2>(x + Pack<T>(__builtin_shuffle(x.v, partner)));
  }
}
#else
template <class T>
RECURRA_INLINE T lane_sum(Pack<T> x) {
  T total = 0;
  for (int lane = 0; lane < Pack<T>::lanes; ++lane) total += x.v[lane];
  return total;
}
#endif

// The sum of f(register) over a block; lanes past its end are zeroed by `lanes.load`, and f must keep them zero.
template <class T, class F>
RECURRA_INLINE T block_sum(Index units, const F& f) {
  Pack<T> sum(0);
  for_each_register<T>(units, [&](Index j, const auto& lanes) __attribute__((always_inline)) { sum = sum + f(j, lanes); });
  return lane_sum(sum);
}

template <class T>
void normalize_rows(const NormRows<T>& rows, T* y, Index y_stride) {
  using N = Pack<T>;
  const Index units = rows.units;
  const T share = T(1) / T(units);
  for (Index r = 0; r < rows.rows; ++r)
    for (Index b = 0; b < rows.blocks; ++b) {
      T* x = rows.x + r * rows.x_stride + b * units;
      const T mean = share * block_sum<T>(units, [&](Index j, const auto& lanes) { return lanes.load(x + j); });
      // Centred first: the lanes past the end would count in the variance.
      for_each_register<T>(units, [&](Index j, const auto& lanes) { lanes.store(x + j, lanes.load(x + j) - N(mean)); });
      const T variance = share * block_sum<T>(units, [&](Index j, const auto& lanes) {
                           const N centred = lanes.load(x + j);
                           return centred * centred;
                         });
      const T rate = T(1) / sqrt(variance + T(Normalization<T>::epsilon));
      rows.rate[r * rows.rate_stride + b] = rate;
      const T* gain = rows.gain + b * units;
      T* to = y + r * y_stride + b * units;
      for_each_register<T>(units, [&](Index j, const auto& lanes) {
        const N n = lanes.load(x + j) * N(rate);
        lanes.store(x + j, n);
        lanes.store(to + j, lanes.load(to + j) + lanes.load(gain + j) * n);
      });
    }
}

template <class T>
void normalization_jacobian(const NormRows<T>& rows, Index seeds, const T* v, Index v_stride, bool gained, T* out,
                            Index out_stride) {
  using N = Pack<T>;
  const Index units = rows.units;
  const T share = T(1) / T(units);
  for (Index c = 0; c < rows.rows * seeds; ++c)
    for (Index b = 0; b < rows.blocks; ++b) {
      const Index r = c / seeds;
      const T* n = rows.x + r * rows.x_stride + b * units;
      const T* gain = rows.gain + b * units;
      const T* from = v + c * v_stride + b * units;
      T* to = out + c * out_stride + b * units;
      const auto value = [&](Index j, const auto& lanes) {
        return gained ? lanes.load(from + j) * lanes.load(gain + j) : lanes.load(from + j);
      };
      N sum(0), product(0);
      for_each_register<T>(units, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
        const N x = value(j, lanes);
        sum = sum + x;
        product = product + x * lanes.load(n + j);
      });
      const T mean = share * lane_sum(sum), along = share * lane_sum(product);
      const N rate(rows.rate[r * rows.rate_stride + b]);
      for_each_register<T>(units, [&](Index j, const auto& lanes) {
        lanes.store(to + j, rate * (value(j, lanes) - N(mean) - lanes.load(n + j) * N(along)));
      });
    }
}

template <class T>
Normalization<T> normalization_table() {
  return {normalize_rows<T>, normalization_jacobian<T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
