// Products of one row with weights of one byte, in integers: y = start + x W + source R. x and source become integers of 16 bits
// with one scale for each 512 successive values (the largest magnitude / 32512), so an error of 2^-16 of the largest.
//
// A word holds the weights of four successive k for one column, plus 128: bytes without a sign widen by a mask or a shift alone,
// and what is too much, 128 times the sum of x, is taken off the total. All sums count modulo 2^32, so that only the true one
// need fit: 512 * 127 * 32512 < 2^31. They are exact, hence the same by whatever instructions.
#pragma once

#include <cstdint>

#include "../../math/fold.h"
#include "../../math/pack.h"
#include "../backend.h"

namespace recurra {
inline namespace RECURRA_ISA {

typedef std::uint32_t ByteWords __attribute__((vector_size(vector_bytes)));
typedef std::uint32_t UnalignedByteWords __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
typedef std::uint16_t ByteHalves __attribute__((vector_size(vector_bytes)));
typedef std::int16_t NarrowIntegers __attribute__((vector_size(vector_bytes / 2)));
inline constexpr Index most_integers = 512;

// Sums of products of 16 bits by twos. The bytes of a word belong to k = 0, 2, 1, 3: the even ones are, widened, the weights of
// k and k + 1, the odd ones of k + 2 and k + 3, as x lies.
struct PairProducts {
  static constexpr int sums_per_panel(int) { return 1; }
  static
  RECURRA_INLINE NarrowIntegers encoded(NarrowIntegers x) { return x; }
  static RECURRA_INLINE ByteWords sum_of_pairs(ByteWords w, ByteWords x) {
#if defined(__AVX512BW__)
    return ByteWords(_mm512_madd_epi16(__m512i(w), __m512i(x)));
#elif defined(__AVX2__)
    return ByteWords(_mm256_madd_epi16(__m256i(w), __m256i(x)));
#elif defined(__SSE2__)
    return ByteWords(_mm_madd_epi16(__m128i(w), __m128i(x)));
#else
    using Integers = Pack<float>::Mask;
    return ByteWords((Integers(w << 16) >> 16) * (Integers(x << 16) >> 16) + (Integers(w) >> 16) * (Integers(x) >> 16));
#endif
  }

  ByteWords sum;
  RECURRA_INLINE void add(ByteWords w, ByteWords x01, ByteWords x23) {
    sum += sum_of_pairs(w & 0x00ff00ffu, x01) + sum_of_pairs(ByteWords(ByteHalves(w) >> 8), x23);
  }
  RECURRA_INLINE ByteWords total() const { return sum; }
};

#if defined(__AVX512F__)
// Sums of products of bytes by fours (AVX-512 VNNI, which not every machine of the set has): x = low + 256 high, both with a sign.
struct QuadProducts {
  typedef std::uint64_t Quads __attribute__((vector_size(vector_bytes / 2)));
  static constexpr int sums_per_panel(int panels) { return panels > 2 ? 1 : panels > 1 ? 2 : 4; }
  static RECURRA_INLINE Quads even_bytes(Quads x) {  // of 8 in the lower 4, in the order 0 4 2 6 of all
    const Quads even = x & 0x00ff00ff00ff00ffu;
    return (even | even >> 24) & 0xffffffffu;
  }
  static RECURRA_INLINE NarrowIntegers encoded(NarrowIntegers x) {
    return NarrowIntegers(even_bytes(Quads(x)) | even_bytes(Quads(x + 128) >> 8) << 32);
  }

  ByteWords low, high;
  // In assembler, since a function for a larger set could not take its part in functions of this one.
  static RECURRA_INLINE void add_quads(ByteWords& sum, ByteWords w, ByteWords x) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
  }
  RECURRA_INLINE void add(ByteWords w, ByteWords x_low, ByteWords x_high) {
    add_quads(low, w, x_low);
    add_quads(high, w, x_high);
  }
  RECURRA_INLINE ByteWords total() const { return low + (high << 8); }
};
#endif

// A part of a row in integers, two words for each four: what a product broadcasts. Zeros behind the last.
template <class Products>
struct RowIntegers {
  const float* from = nullptr;
  Index count = 0;
  float scale;            // NaN if some value is not finite
  std::uint32_t surplus;  // 128 times their sum
  alignas(vector_bytes) std::uint32_t words[most_integers / 2];

  void take(const float* x, Index size) {
    if (size == 0 || (x == from && size == count)) return;
    from = x;
    count = size;
    using P = Pack<float>;
    constexpr int lanes = P::lanes;
    const auto load = [&](Index k) { return k + lanes <= size ? P::load(x + k) : P::load(x + k, int(size - k)); };
    P::Mask most{};  // floats without sign are ordered as their bits are
    for (Index k = 0; k < size; k += lanes) {
      const P::Mask bits = P::Mask(load(k).v) & 0x7fffffff;
      most = bits > most ? bits : most;
    }
    const int largest_bits = lane_max(most);
    float largest;
    __builtin_memcpy(&largest, &largest_bits, sizeof largest);
    // What is smaller counts as zero: its reciprocal might be infinite.
    const P factor(largest >= 1e-30f && largest_bits < 0x7f800000 ? 32512 / largest : 0.0f);
    scale = largest_bits < 0x7f800000 ? largest / 32512 : __builtin_nanf("");
    const P to_integer(12582912.0f);  // 1.5 * 2^23: the lowest bits of the sum are the integer
    ByteWords sum{};
    for (Index k = 0; k < size; k += lanes) {
      const P::Mask integers = P::Mask((load(k) * factor + to_integer).v) - 0x4b400000;
      sum += ByteWords(integers);
      const NarrowIntegers narrow = Products::encoded(__builtin_convertvector(integers, NarrowIntegers));
      __builtin_memcpy(words + k / 2, &narrow, sizeof narrow);
    }
    surplus = 128 * lane_sum(sum);
  }
};

// y = start + x W for the columns of a strip.
template <class Products, int panels>
__attribute__((noinline)) void multiply_bytes(const RowIntegers<Products>& x, const std::uint32_t* weights, const float* scale,
                                              int last, const float* start, float* y) {
  using P = Pack<float>;
  constexpr int lanes = P::lanes, count = Products::sums_per_panel(panels), next = panels * lanes;
  Products sums[count][panels]{};
  const auto add = [&](Products* to, const std::uint32_t* four) __attribute__((always_inline)) {
    const ByteWords a = four[0] + ByteWords{}, b = four[1] + ByteWords{};
#pragma GCC unroll 8
    for (int n = 0; n < panels; ++n) to[n].add(*reinterpret_cast<const UnalignedByteWords*>(weights + n * lanes), a, b);
    weights += next;
  };
  const std::uint32_t *four = x.words, *end = four + (x.count + 3) / 4 * 2;
  for (; end - four >= 2 * count; four += 2 * count)
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) add(sums[i], four + 2 * i);
  for (; four < end; four += 2) add(sums[0], four);
  const P x_scale(x.scale);
#pragma GCC unroll 8
  for (int n = 0; n < panels; ++n) {
    ByteWords total = sums[0][n].total() - x.surplus;
#pragma GCC unroll 4
    for (int i = 1; i < count; ++i) total += sums[i][n].total();
    const P part = P(__builtin_convertvector(P::Mask(total), P::Vector)) * (x_scale * P::load(scale + n * lanes));
    if (n + 1 < panels || last == lanes)
      (P::load(start + n * lanes) + part).store(y + n * lanes);
    else
      (P::load(start + n * lanes, last) + part).store(y + n * lanes, last);
  }
}

template <class Products>
void multiply_byte_strip(const RowStrip& strip, const RowIntegers<Products>& x, const std::uint32_t* weights, const float* scale,
                         const float* start, float* y) {
  switch (strip.panels) {
    case 1: return multiply_bytes<Products, 1>(x, weights, scale, strip.last, start, y);
    case 2: return multiply_bytes<Products, 2>(x, weights, scale, strip.last, start, y);
    case 3: return multiply_bytes<Products, 3>(x, weights, scale, strip.last, start, y);
    case 4: return multiply_bytes<Products, 4>(x, weights, scale, strip.last, start, y);
    case 5: return multiply_bytes<Products, 5>(x, weights, scale, strip.last, start, y);
    case 6: return multiply_bytes<Products, 6>(x, weights, scale, strip.last, start, y);
    case 7: return multiply_bytes<Products, 7>(x, weights, scale, strip.last, start, y);
    default: return multiply_bytes<Products, 8>(x, weights, scale, strip.last, start, y);
  }
}

// Strip by strip for each 512 of x and of the source, which nearly always is all of them.
template <class Products>
void multiply_byte_row(const RowWeights<float>& w, const RowStrip* strips, Index count, const float* x, const float* source,
                       const float* start, float* y) {
  RowIntegers<Products> inputs, sources;
  const auto part_of = [](Index size, Index k) { return size - k < most_integers ? size - k : most_integers; };
  bool left = true;
  for (Index k = 0; left; k += most_integers, start = y) {
    left = false;
    for (const RowStrip* strip = strips; strip != strips + count; ++strip) {
      const Index lane_words = strip->panels * Pack<float>::lanes;
      const auto* weights = static_cast<const std::uint32_t*>(w.weights) + strip->weights;
      const float* from = start + strip->column;
      float* to = y + strip->column;
      if (x && strip->input > k) {
        inputs.take(x + k, part_of(strip->input, k));
        multiply_byte_strip(*strip, inputs, weights + k / 4 * lane_words, w.input_scale + strip->scale, from, to);
        from = to;
        left = left || strip->input > k + most_integers;
      }
      if (strip->depth > k) {
        weights += (strip->input + 3) / 4 * lane_words;
        sources.take(source + strip->source + k, part_of(strip->depth, k));
        multiply_byte_strip(*strip, sources, weights + k / 4 * lane_words, w.source_scale + strip->scale, from, to);
        from = to;
        left = left || strip->depth > k + most_integers;
      }
      const Index columns = (strip->panels - 1) * Pack<float>::lanes + strip->last;
      if (from != to) __builtin_memcpy(to, from, std::size_t(columns) * sizeof(float));
    }
  }
}

struct Int8Weights {
  using Element = std::uint32_t;
  static constexpr int together = 4;
  static void pack(const float* w, int count, float scale, Element* to) {
    constexpr int shift[together] = {0, 16, 8, 24};
    for (int i = 0; i < count && i < together; ++i)
      *to |= Element(128 + (scale > 0 ? int(__builtin_rintf(w[i] / scale)) : 0)) << shift[i];
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
