// Matrices packed into panels for the products: groups of columns, each [depth][group], so that a product reads them in one line.
#pragma once

#include "../../math/pack.h"
#include "../backend.h"

namespace recurra {
inline namespace RECURRA_ISA {

inline constexpr Index rows_packed = 16;  // at a time, where rows lie in one line

template <class T>
Index packed_size(Index depth, Index width) {
  constexpr int lanes = Pack<T>::lanes;
  return (width + lanes - 1) / lanes * lanes * depth;
}

// A square of lanes x lanes numbers, transposed: log(lanes) rounds that exchange the off-diagonal blocks of ever smaller squares.
template <class T>
RECURRA_INLINE void transpose_square(const T* from, Index from_stride, T* to, Index to_stride) {
  using P = Pack<T>;
  constexpr int lanes = P::lanes;
  typename P::Vector r[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) r[i] = P::load(from + i * from_stride).v;
#pragma GCC unroll 4
  for (int size = lanes / 2; size > 0; size /= 2) {
    typename P::Mask upper, lower;
#pragma GCC unroll 16
    for (int j = 0; j < lanes; ++j) {
      upper[j] = j & size ? lanes + j - size : j;
      lower[j] = j & size ? lanes + j : j + size;
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i)
      if (!(i & size)) {
        const typename P::Vector a = r[i], b = r[i + size];
        r[i] = __builtin_shuffle(a, b, upper);
        r[i + size] = __builtin_shuffle(a, b, lower);
      }
  }
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) P(r[i]).store(to + i * to_stride);
}

// Groups of `group` columns, each [depth][group], the last one filled with zeros.
template <int group, class T>
void pack_groups(const T* source, Index depth_stride, Index width_stride, Index depth, Index width, T* packed) {
  const Index whole = width / group * group;
  if (width_stride == 1)  // a few rows at a time, so that what is written lies together: copies of known length
    for (Index first = 0; first < depth; first += rows_packed) {
      const Index end = first + rows_packed < depth ? first + rows_packed : depth;
      for (Index begin = 0; begin < whole; begin += group)
        for (Index k = first; k < end; ++k)
          for (int n = 0; n < group; ++n) packed[begin * depth + k * group + n] = source[k * depth_stride + begin + n];
    }
  else if (depth_stride == 1)  // a transposition
    for (Index begin = 0; begin < whole; begin += group) {
      const T* from = source + begin * width_stride;
      T* to = packed + begin * depth;
      Index k = 0;
      if constexpr (group == Pack<T>::lanes)
        for (; k + group <= depth; k += group) transpose_square(from + k, width_stride, to + k * group, group);
      for (; k < depth; ++k)
        for (int n = 0; n < group; ++n) to[k * group + n] = from[n * width_stride + k];
    }
  for (Index begin = width_stride == 1 || depth_stride == 1 ? whole : 0; begin < width; begin += group) {
    const Index count = width - begin < group ? width - begin : group;
    T* to = packed + begin * depth;
    for (Index k = 0; k < depth; ++k, to += group) {
      const T* from = source + k * depth_stride + begin * width_stride;
      for (Index n = 0; n < count; ++n) to[n] = from[n * width_stride];
      for (Index n = count; n < group; ++n) to[n] = T(0);
    }
  }
}

template <class T>
void pack(const T* source, Index depth_stride, Index width_stride, Index depth, Index width, T* packed) {
  pack_groups<Pack<T>::lanes>(source, depth_stride, width_stride, depth, width, packed);
}

}  // namespace RECURRA_ISA
}  // namespace recurra
