// Softmax of a row of scores, with exp from the kernel of the logistic function: exp(x) = s / (1 - s), s = 1 / (1 + exp(-x)).
// Since nothing is above the largest score, s is at most 1/2, and no digit is lost in 1 - s.
#pragma once

#include <cmath>

#include "../backends/backend.h"

namespace recurra {

// e = exp(x - top), where no x is above top; e may be x.
template <class T>
void exponentials_below(const Elementwise<T>& logistic, const T* x, T top, Index count, T* e) {
  for (Index j = 0; j < count; ++j) e[j] = x[j] - top;
  logistic.value(e, count, e);
  for (Index j = 0; j < count; ++j) e[j] = e[j] / (T(1) - e[j]);
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

template <class T>
struct ExpRow {
  T largest;   // score
  double sum;  // of exp(score - largest)
};

// e = exp(scores - the largest one); e may be the scores. A NaN among them makes the sum NaN.
template <class T>
ExpRow<T> exponentials(const Elementwise<T>& logistic, const T* scores, Index count, T* e) {
  constexpr Index lanes = 16;
  T most[lanes];
  for (T& m : most) m = scores[0];
  Index j = 0;
  for (; j + lanes <= count; j += lanes)
    for (Index k = 0; k < lanes; ++k) most[k] = scores[j + k] > most[k] ? scores[j + k] : most[k];
  for (; j < count; ++j) most[0] = scores[j] > most[0] ? scores[j] : most[0];
  T largest = most[0];
  for (const T m : most) largest = m > largest ? m : largest;
  exponentials_below(logistic, scores, largest, count, e);
  return {largest, long_sum(e, count)};
}

// scores -> plus + log softmax(scores); `e` has room for as many.
template <class T>
void log_softmax(const Elementwise<T>& logistic, T* scores, Index count, T plus, T* e) {
  const ExpRow<T> row = exponentials(logistic, scores, count, e);
  const T shift = plus - T(std::log(row.sum));
  for (Index j = 0; j < count; ++j) scores[j] = (scores[j] - row.largest) + shift;
}

}  // namespace recurra
