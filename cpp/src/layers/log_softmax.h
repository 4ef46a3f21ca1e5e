// Softmax of a row of scores, on the kernel of their exponentials.
#pragma once

#include <cmath>

#include "../backends/backend.h"

namespace recurra {

// e = exp(x - above), where no x is above it; e may be x.
template <class T>
void exponentials_below(const Reductions<T>& reductions, const T* x, T above, Index count, T* e) {
  const T factor = std::exp(reductions.exponentials(x, count, e).largest - above);
  for (Index j = 0; j < count; ++j) e[j] *= factor;
}

// Independent sums, in a fixed order; long sums of T's would lose digits.
template <class T>
double long_sum(const T* values, Index count) {
  constexpr Index lanes = 16, block = 1024;
  double total = 0;
  for (Index begin = 0; begin < count; begin += block) {
    const Index end = count - begin < block ? count : begin + block;
    T sums[lanes] = {};
    Index j = begin;
    for (; j + lanes <= end; j += lanes)
      for (Index k = 0; k < lanes; ++k) sums[k] += values[j + k];
    for (; j < end; ++j) sums[0] += values[j];
    for (const T sum : sums) total += double(sum);
  }
  return total;
}

// scores -> plus + log softmax(scores)
template <class T>
void log_softmax(const Reductions<T>& reductions, T* scores, Index count, T plus) {
  const ExpSum<T> row = reductions.exponentials(scores, count, nullptr);
  const T shift = plus - T(std::log(row.sum));
  for (Index j = 0; j < count; ++j) scores[j] = (scores[j] - row.largest) + shift;
}

// -log p(wanted) times scale, p = softmax(scores); the scores become its gradient by them, if that is wanted.
template <class T>
double softmax_loss(const Reductions<T>& reductions, T* scores, Index count, Index wanted, double scale, bool gradient = true) {
  const double score = double(scores[wanted]);
  const auto [largest, sum] = reductions.exponentials(scores, count, gradient ? scores : nullptr);
  if (gradient) {
    const T factor = T(scale / sum);
    for (Index j = 0; j < count; ++j) scores[j] *= factor;
    scores[wanted] -= T(scale);
  }
  return scale * (std::log(sum) + (double(largest) - score));
}

}  // namespace recurra
