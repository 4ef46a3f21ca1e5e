// The product of one row, for streams: y = start + x W + source R for all columns, in one pass over weights packed for it.
//
// Columns are cut into strips of up to eight registers (panels). The sums of a strip stay in registers while its weights pass,
// which lie as they are read: [k over x][panel][lane], then [k over source][panel][lane]. A strip of few panels keeps several
// sums for each (of every second k, ..), so that there always are enough to hide the latency of a fused multiply-add.
#pragma once

#include "../../math/pack.h"
#include "../backend.h"
#include "row_bytes.inl"

namespace recurra {
inline namespace RECURRA_ISA {

inline constexpr int strip_panels = 8;
constexpr int sums_per_panel(int panels) { return panels > 6 ? 1 : panels > 3 ? 2 : panels > 1 ? 4 : 8; }

// Formats of weights: what a lane's element holds, the weights of `together` successive k.
template <class T>
struct FullWeights {
  using Element = T;
  static constexpr int together = 1;
  static
  RECURRA_INLINE void load(const Element* p, typename Pack<T>::Vector* w) { w[0] = Pack<T>::load(p).v; }
  static void pack(const T* w, int, T, Element* to) { *to = *w; }
};

// A bfloat16 is the upper half of a float. Two in a word take a shift and a mask to widen, in any instruction set.
struct Bfloat16Weights {
  using Element = std::uint32_t;
  static constexpr int together = 2;
  typedef Element Words __attribute__((vector_size(vector_bytes)));
  typedef Element Unaligned __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
  static RECURRA_INLINE void load(const Element* p, Pack<float>::Vector* w) {
    Words words = *reinterpret_cast<const Unaligned*>(p);
#if defined(__x86_64__)
    asm("" : "+v"(words));  // read once: else both uses are given the memory as their operand (15% of a step)
#endif
    w[0] = Pack<float>::Vector(words << 16);
    w[1] = Pack<float>::Vector(words & 0xffff0000u);
  }
  static std::uint32_t upper_half(float w) {  // the parameters were rounded before
    std::uint32_t bits;
    __builtin_memcpy(&bits, &w, sizeof bits);
    return bits >> 16;
  }
  static void pack(const float* w, int count, float, Element* to) {
    *to = upper_half(w[0]) | (count > 1 ? upper_half(w[1]) << 16 : 0);
  }
};

template <class T, class W, int panels>
struct StripSums {
  using Vector = typename Pack<T>::Vector;
  static constexpr int lanes = Pack<T>::lanes, count = sums_per_panel(panels);
  Vector sum[count][panels];

  RECURRA_INLINE void clear() {
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i)
#pragma GCC unroll 8
      for (int n = 0; n < panels; ++n) sum[i][n] = Vector{};
  }
  template <int values>
  RECURRA_INLINE void add_one(int i, const T* x, const typename W::Element* weights) {
#pragma GCC unroll 8
    for (int n = 0; n < panels; ++n) {
      Vector w[W::together];
      W::load(weights + n * lanes, w);
#pragma GCC unroll 4
      for (int j = 0; j < values; ++j) sum[i][n] += x[j] * w[j];
    }
  }
  // Adds x times the next weights, and moves on behind them.
  RECURRA_INLINE void add(const T* x, Index depth, const typename W::Element*& weights) {
    constexpr int next = panels * lanes, together = W::together;
    const T* end = x + depth;
    for (; end - x >= count * together; x += count * together)
#pragma GCC unroll 8
      for (int i = 0; i < count; ++i, weights += next) add_one<together>(i, x + i * together, weights);
    for (; end - x >= together; x += together, weights += next) add_one<together>(0, x, weights);
    if constexpr (together > 1)
      if (x < end) {  // of two, the first: what lies beyond is not read
        add_one<1>(0, x, weights);
        weights += next;
      }
  }
  RECURRA_INLINE Vector total(int n) const {
    Vector all = sum[0][n];
#pragma GCC unroll 8
    for (int i = 1; i < count; ++i) all += sum[i][n];
    return all;
  }
};

template <class T, class W, int panels>
__attribute__((noinline)) void multiply_strip(const RowWeights<T>& w, const RowStrip& strip, const T* x, const T* source,
                                              const T* start, T* y) {
  using P = Pack<T>;
  constexpr int lanes = P::lanes;
  const auto* weights = static_cast<const typename W::Element*>(w.weights) + strip.weights;
  if (!x) weights += (strip.input + W::together - 1) / W::together * panels * lanes;
  start += strip.column;
  y += strip.column;
  source += strip.source;
  const auto count_of = [&](int n) { return n + 1 < panels ? lanes : strip.last; };
  const auto begin = [&](int n) { return count_of(n) == lanes ? P::load(start + n * lanes) : P::load(start + n * lanes, strip.last); };
  const auto store = [&](int n, P value) {
    if (count_of(n) == lanes)
      value.store(y + n * lanes);
    else
      value.store(y + n * lanes, strip.last);
  };
  StripSums<T, W, panels> sums;
  sums.clear();
#pragma GCC unroll 8
  for (int n = 0; n < panels; ++n) sums.sum[0][n] = begin(n).v;
  if (x) sums.add(x, strip.input, weights);
  sums.add(source, strip.depth, weights);
#pragma GCC unroll 8
  for (int n = 0; n < panels; ++n) store(n, P(sums.total(n)));
}

template <class T, class W>
void multiply_row(const RowWeights<T>& w, const RowStrip* strips, Index count, const T* x, const T* source, const T* start, T* y) {
  for (const RowStrip* strip = strips; strip != strips + count; ++strip) switch (strip->panels) {
      case 1: multiply_strip<T, W, 1>(w, *strip, x, source, start, y); break;
      case 2: multiply_strip<T, W, 2>(w, *strip, x, source, start, y); break;
      case 3: multiply_strip<T, W, 3>(w, *strip, x, source, start, y); break;
      case 4: multiply_strip<T, W, 4>(w, *strip, x, source, start, y); break;
      case 5: multiply_strip<T, W, 5>(w, *strip, x, source, start, y); break;
      case 6: multiply_strip<T, W, 6>(w, *strip, x, source, start, y); break;
      case 7: multiply_strip<T, W, 7>(w, *strip, x, source, start, y); break;
      default: multiply_strip<T, W, 8>(w, *strip, x, source, start, y);
    }
}

// Rows of a matrix, `row_stride` apart, as the columns of a strip: [k][panel][lane], zeros behind the last column.
template <class T, class W>
Index pack_strip(const T* rows, Index row_stride, Index columns, Index depth, int panels, const T* scale, void* weights, Index at) {
  auto* to = static_cast<typename W::Element*>(weights) + at;
  const Index width = panels * Pack<T>::lanes;
  for (Index k = 0; k < depth; k += W::together)
    for (Index n = 0; n < width; ++n, ++to) {
      *to = 0;
      if (n < columns) W::pack(rows + n * row_stride + k, int(depth - k), scale[n], to);
    }
  return to - static_cast<typename W::Element*>(weights) - at;
}

template <class T, class W>
RowFormat<T> row_format(decltype(RowFormat<T>::multiply) multiply) {
  return {sizeof(typename W::Element), W::together, pack_strip<T, W>, multiply};
}

template <class T>
RowProducts<T> row_products_table() {
  RowProducts<T> table{Pack<T>::lanes, strip_panels, row_format<T, FullWeights<T>>(multiply_row<T, FullWeights<T>>), {}, {}};
  if constexpr (sizeof(T) == sizeof(float)) {
    table.bfloat16 = row_format<T, Bfloat16Weights>(multiply_row<T, Bfloat16Weights>);
    table.int8 = row_format<T, Int8Weights>(multiply_byte_row<PairProducts>);
#if defined(__AVX512F__)
    if (__builtin_cpu_supports("avx512vnni")) table.int8.multiply = multiply_byte_row<QuadProducts>;
#endif
  }
  return table;
}

}  // namespace RECURRA_ISA
}  // namespace recurra
