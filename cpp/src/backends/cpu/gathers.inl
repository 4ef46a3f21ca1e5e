// Sums and maxima of rows along the edges of a graph, a register of columns at a time.
#pragma once

#include "../../math/fold.h"
#include "cell_forward.inl"

namespace recurra {
inline namespace RECURRA_ISA {

// Calls visit(edge, factor's place, first element of the block) for each term of the edges of target r.
template <class T, class Visit>
RECURRA_INLINE void for_each_term(const EdgeTerms<T>& terms, Index r, Index x_stride, const Visit& visit) {
  for (Index e = terms.edge_begin[r]; e < terms.edge_begin[r + 1]; ++e) {
    const Index row = (terms.source ? terms.source[e] : e) * x_stride;
    for (Index k = 0; k < terms.count; ++k) {
      const Index block = terms.block ? terms.block[e * terms.count + k] : k;
      visit(e, e * terms.count + k, row + block * terms.width);
    }
  }
}

template <class T>
void gather_sum(const EdgeTerms<T>& terms, const T* x, Index x_stride, T* y, Index y_stride) {
  for (Index r = 0; r < terms.targets; ++r)
    for_each_register<T>(terms.width, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
      Pack<T> sum = lanes.load(y + r * y_stride + j);
      for_each_term(terms, r, x_stride, [&](Index, Index factor, Index at) __attribute__((always_inline)) {
        const Pack<T> value = lanes.load(x + at + j);
        sum = terms.factor ? sum + Pack<T>(terms.factor[factor]) * value : sum + value;
      });
      lanes.store(y + r * y_stride + j, sum);
    });
}

template <class T>
void scatter_sum(const EdgeTerms<T>& terms, const T* dy, Index dy_stride, T* dx, Index dx_stride) {
  for (Index r = 0; r < terms.targets; ++r)
    for_each_term(terms, r, dx_stride, [&](Index, Index factor, Index at) __attribute__((always_inline)) {
      const Pack<T> scale(terms.factor ? terms.factor[factor] : T(1));
      for_each_register<T>(terms.width, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
        lanes.store(dx + at + j, lanes.load(dx + at + j) + scale * lanes.load(dy + r * dy_stride + j));
      });
    });
}

template <class T>
void edge_dots(const EdgeTerms<T>& terms, const T* x, Index x_stride, const T* dy, Index dy_stride, T* dfactor) {
  for (Index r = 0; r < terms.targets; ++r)
    for_each_term(terms, r, x_stride, [&](Index, Index factor, Index at) __attribute__((always_inline)) {
      Pack<T> sum(0);
      for_each_register<T>(terms.width, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
        sum = sum + lanes.load(x + at + j) * lanes.load(dy + r * dy_stride + j);
      });
      dfactor[factor] += lane_sum(sum.v);
    });
}

// Plain loops: which edge wins differs from column to column.
template <class T>
void gather_max(const EdgeTerms<T>& terms, const T* x, Index x_stride, T* y, Index y_stride, Index* winner) {
  for (Index r = 0; r < terms.targets; ++r)
    for (Index j = 0; j < terms.width; ++j) {
      Index best = -1;
      T most = 0;
      for (Index e = terms.edge_begin[r]; e < terms.edge_begin[r + 1]; ++e) {
        T value = 0;
        const Index row = (terms.source ? terms.source[e] : e) * x_stride;
        for (Index k = 0; k < terms.count; ++k) {
          const Index at = e * terms.count + k, block = terms.block ? terms.block[at] : k;
          value += (terms.factor ? terms.factor[at] : T(1)) * x[row + block * terms.width + j];
        }
        if (best >= 0 && !(value > most) && value == value) continue;  // a NaN must not be passed over
        best = e;
        most = value;
        if (value != value) break;
      }
      y[r * y_stride + j] += most;
      winner[r * terms.width + j] = best;
    }
}

template <class T>
void scatter_max(const EdgeTerms<T>& terms, const T* x, Index x_stride, const T* dy, Index dy_stride, const Index* winner, T* dx,
                 Index dx_stride, T* dfactor) {
  for (Index r = 0; r < terms.targets; ++r)
    for (Index j = 0; j < terms.width; ++j) {
      const Index e = winner[r * terms.width + j];
      if (e < 0) continue;
      const T d = dy[r * dy_stride + j];
      const Index row = terms.source ? terms.source[e] : e;
      for (Index k = 0; k < terms.count; ++k) {
        const Index at = e * terms.count + k, column = (terms.block ? terms.block[at] : k) * terms.width + j;
        dx[row * dx_stride + column] += (terms.factor ? terms.factor[at] : T(1)) * d;
        if (dfactor) dfactor[at] += d * x[row * x_stride + column];
      }
    }
}

template <class T>
Gathers<T> gathers_table() {
  return {gather_sum<T>, scatter_sum<T>, edge_dots<T>, gather_max<T>, scatter_max<T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
