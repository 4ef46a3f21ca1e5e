// Matrix products on panels packed once. A panel is one register wide and depth long: panel[k][lane].
//
// One micro kernel holds MR rows x NP panels of C in registers and walks the depth. It serves the recurrent product (A is
// read as it lies), and the weight gradient (A^T and B are packed chunk by chunk, so that both are read in one line, but for
// those that are so small that all of it stays in the first-level cache, and for an A that is read only once).
#pragma once

#include "packing.inl"

namespace recurra {
inline namespace RECURRA_ISA {

#if defined(__AVX512F__)
inline constexpr int tile_rows = 8, tile_panels = 3;  // 24 sums of 32 registers
#else
inline constexpr int tile_rows = 4, tile_panels = 3;  // 12 sums of 16 registers
#endif
inline constexpr int single_row_panels = 8;  // one row: enough independent sums to hide the latency of a fused multiply-add
inline constexpr Index row_block = 96;       // rows of A that stay in the second-level cache while the panels pass
inline constexpr Index depth_block = 256;    // depth of a chunk in `outer`; where C is so narrow that A is read but once,
inline constexpr Index narrow_block = 128;

// The factors, told apart by type: the strides that are known leave registers for the row pointers of a tile.
template <class T>
struct ByRows {  // element (row, k)
  const T* data;
  Index stride;
  RECURRA_INLINE T at(Index row, Index k) const { return data[row * stride + k]; }
  ByRows from(Index row) const { return {data + row * stride, stride}; }
};
template <class T>
struct ByDepth {
  const T* data;
  Index stride;
  RECURRA_INLINE T at(Index row, Index k) const { return data[k * stride + row]; }
  ByDepth from(Index row) const { return {data + row, stride}; }
};

// B as panels of one register's width, packed or as it lies: lanes from (panel, k) on.
template <class T>
struct Packed {
  const T* data;
  Index stride;  // of panels
  static Packed of(const T* data, Index depth) { return {data, depth * Pack<T>::lanes}; }
  RECURRA_INLINE const T* at(Index panel, Index k) const { return data + panel * stride + k * Pack<T>::lanes; }
  Packed from(Index panel) const { return {data + panel * stride, stride}; }
};
template <class T>
struct Unpacked {
  const T* data;
  Index stride;  // of k
  RECURRA_INLINE const T* at(Index panel, Index k) const { return data + panel * Pack<T>::lanes + k * stride; }
  Unpacked from(Index panel) const { return {data + panel * Pack<T>::lanes, stride}; }
};

// Where a product goes: C = base + A B. base may be C, or one row (stride 0); null: zeros.
template <class T>
struct Result {
  const T* base;
  Index base_stride;
  T* c;
  Index stride;
  Result at(Index row, Index column) const {
    return {base ? base + row * base_stride + column : nullptr, base_stride, c + row * stride + column, stride};
  }
  // What is added to the base, a register of which `count` columns exist.
  RECURRA_INLINE void put(Pack<T> value, int count) const {
    if (count == Pack<T>::lanes) {
      if (base) value = Pack<T>::load(base) + value;
      value.store(c);
    } else {
      if (base) value = Pack<T>::load(base, count) + value;
      value.store(c, count);
    }
  }
};

// MR rows x NP panels of C; the last panel has `last` valid columns. With `fetch`, the panel that begins at `ahead` goes to the
// second-level cache meanwhile.
template <class T, int MR, int NP, bool fetch = false, class A, class B>
RECURRA_INLINE void tile(A a, Index depth, B b, Result<T> result, int last, const T* ahead = nullptr) {
  using P = Pack<T>;
  constexpr int lanes = P::lanes;
  typename P::Vector sum[MR][NP] = {};
  for (Index k = 0; k < depth; ++k) {
    typename P::Vector row[NP];
#pragma GCC unroll 8
    for (int n = 0; n < NP; ++n) row[n] = P::load(b.at(n, k)).v;
    if constexpr (fetch) __builtin_prefetch(ahead + k * lanes, 0, 2);
#pragma GCC unroll 8
    for (int m = 0; m < MR; ++m) {
      const T value = a.at(m, k);
#pragma GCC unroll 8
      for (int n = 0; n < NP; ++n) sum[m][n] += value * row[n];
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
    for (int n = 0; n < NP; ++n) result.at(m, n * lanes).put(P(sum[m][n]), n + 1 < NP ? lanes : last);
}

// All rows against NP panels; the first tiles fetch a panel each from `ahead` on, where the next panels begin (null: no tile does).
// Not inlined: one loop nest at a time keeps its operands in registers (5% of a training step).
template <class T, int NP, class A, class B>
__attribute__((noinline)) void tile_column(A a, Index rows, Index depth, B b, Result<T> c, int last, const T* ahead) {
  Index r = 0;
  for (int i = 0; ahead && i < tile_panels && r + tile_rows <= rows; ++i, r += tile_rows)
    tile<T, tile_rows, NP, true>(a.from(r), depth, b, c.at(r, 0), last, ahead + i * depth * Pack<T>::lanes);
  for (; r + tile_rows <= rows; r += tile_rows) tile<T, tile_rows, NP>(a.from(r), depth, b, c.at(r, 0), last);
  if constexpr (tile_rows > 4)
    for (; r + 4 <= rows; r += 4) tile<T, 4, NP>(a.from(r), depth, b, c.at(r, 0), last);
  for (; r + 2 <= rows; r += 2) tile<T, 2, NP>(a.from(r), depth, b, c.at(r, 0), last);
  for (; r < rows; ++r) tile<T, 1, NP>(a.from(r), depth, b, c.at(r, 0), last);
}

// One row against up to single_row_panels.
template <class T, class A, class B>
void single_row(A a, Index depth, B b, int panels, Result<T> c, int last) {
  switch (panels) {
    case 1: return tile<T, 1, 1>(a, depth, b, c, last);
    case 2: return tile<T, 1, 2>(a, depth, b, c, last);
    case 3: return tile<T, 1, 3>(a, depth, b, c, last);
    case 4: return tile<T, 1, 4>(a, depth, b, c, last);
    case 5: return tile<T, 1, 5>(a, depth, b, c, last);
    case 6: return tile<T, 1, 6>(a, depth, b, c, last);
    case 7: return tile<T, 1, 7>(a, depth, b, c, last);
    default: return tile<T, 1, 8>(a, depth, b, c, last);
  }
}

// How many of the panels left go together.
inline int panels_together(Index rows, Index left) {
  if (rows == 1) return left < single_row_panels ? int(left) : single_row_panels;
  return left == 4 ? 2 : left < tile_panels ? int(left) : tile_panels;  // four are better halved than three and one
}

// Any number of rows and panels.
template <class T, class A, class B>
void multiply_panels(A a, Index rows, B b, Index depth, Index width, Result<T> c, Reading reading) {
  constexpr int lanes = Pack<T>::lanes;
  const Index panels = (width + lanes - 1) / lanes;
  const bool backwards = reading == Reading::backwards;
  const auto next = [&](Index begin, Index end) { return backwards ? end - panels_together(rows, end - begin) : begin; };
  for (Index begin = 0, end = panels; begin < end;) {
    const int count = panels_together(rows, end - begin);
    const Index p = next(begin, end);
    (backwards ? end : begin) += backwards ? -count : count;
    const int last = p + count == panels ? int(width - (panels - 1) * lanes) : lanes;
    const T* ahead = reading == Reading::near || begin == end ? nullptr : b.at(next(begin, end), 0);
    const Result<T> to = c.at(0, p * lanes);
    if (rows == 1)
      single_row(a, depth, b.from(p), count, to, last);
    else if (count == 1)
      tile_column<T, 1>(a, rows, depth, b.from(p), to, last, ahead);
    else if (count == 2)
      tile_column<T, 2>(a, rows, depth, b.from(p), to, last, ahead);
    else
      tile_column<T, tile_panels>(a, rows, depth, b.from(p), to, last, ahead);
  }
}

template <class T>
void multiply(const T* a, Index a_stride, Index rows, const T* packed, Index depth, Index width, const T* base, Index base_stride, T* c,
              Index c_stride, Reading reading) {
  const Result<T> result{base, base_stride, c, c_stride};
  for (Index r = 0; r < rows; r += row_block) {
    const Index count = rows - r < row_block ? rows - r : row_block;
    multiply_panels(ByRows<T>{a + r * a_stride, a_stride}, count, Packed<T>::of(packed, depth), depth, width, result.at(r, 0),
                    reading);
  }
}

template <class T>
Index outer_scratch(Index m, Index n) {
  return depth_block * ((m + tile_rows - 1) / tile_rows * tile_rows) + packed_size<T>(depth_block, n);
}

template <class T>
void outer(const T* a, Index a_stride, const T* b, Index b_stride, Index rows, Index m, Index n, T* c, Index c_stride,
           T* scratch) {
  constexpr int lanes = Pack<T>::lanes;
  T* packed_b = scratch;
  T* packed_a = scratch + packed_size<T>(depth_block, n);
  const Result<T> result{c, c_stride, c, c_stride};
  const auto fits = [](Index depth, Index stride) {  // half of the first-level cache
    return depth * stride <= Index(16384 / sizeof(T));
  };
  const bool narrow = n <= tile_panels * lanes;
  const Index chunk = narrow ? narrow_block : depth_block;
  for (Index r = 0; r < rows; r += chunk) {
    const Index depth = rows - r < chunk ? rows - r : chunk;
    const auto against = [&](auto panels) {
      if (m % tile_rows == 0 && (narrow || fits(depth, a_stride)))
        return multiply_panels(ByDepth<T>{a + r * a_stride, a_stride}, m, panels, depth, n, result, Reading::near);
      pack_groups<tile_rows>(a + r * a_stride, a_stride, 1, depth, m, packed_a);
      for (Index i = 0; i < m; i += tile_rows) {
        const Index count = m - i < tile_rows ? m - i : tile_rows;
        multiply_panels(ByDepth<T>{packed_a + i * depth, tile_rows}, count, panels, depth, n, result.at(i, 0), Reading::near);
      }
    };
    if (n % lanes == 0 && fits(depth, b_stride)) {
      against(Unpacked<T>{b + r * b_stride, b_stride});
    } else {
      pack(b + r * b_stride, b_stride, 1, depth, n, packed_b);
      against(Packed<T>::of(packed_b, depth));
    }
  }
}

template <class T>
Products<T> products_table() {
  return {packed_size<T>, pack<T>, multiply<T>, outer<T>, outer_scratch<T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
