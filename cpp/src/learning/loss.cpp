#include "loss.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace recurra {

Loss loss_from_name(const std::string& name) {
  if (name == "mse") return Loss::mse;
  if (name == "cross_entropy") return Loss::cross_entropy;
  throw std::invalid_argument("loss is '" + name + "', expected 'mse' or 'cross_entropy'");
}

template <class T>
double mse_row(const T* y, const T* target, Index width, double scale, T* dy) {
  constexpr Index lanes = 8;  // independent sums: the loop runs in registers, in a fixed order
  T squares[lanes] = {};
  Index j = 0;
  for (; j + lanes <= width; j += lanes)
    for (Index k = 0; k < lanes; ++k) squares[k] += (y[j + k] - target[j + k]) * (y[j + k] - target[j + k]);
  double sum = 0;
  for (; j < width; ++j) sum += double(y[j] - target[j]) * double(y[j] - target[j]);
  for (const T square : squares) sum += double(square);
  const T factor = T(2 * scale);
  for (j = 0; dy && j < width; ++j) dy[j] = factor * (y[j] - target[j]);
  return sum * scale;
}

template <class T>
double cross_entropy_row(const T* y, std::int64_t target, Index width, double scale, T* dy) {
  const T largest = *std::max_element(y, y + width);
  double sum = 0;
  for (Index j = 0; j < width; ++j) {
    const T e = std::exp(y[j] - largest);
    if (dy) dy[j] = e;
    sum += double(e);
  }
  if (dy) {
    const T factor = T(scale / sum);
    for (Index j = 0; j < width; ++j) dy[j] *= factor;
    dy[target] -= T(scale);
  }
  return (std::log(sum) + (double(largest) - double(y[target]))) * scale;
}

#define RECURRA_INSTANTIATE(T)                                    \
  template double mse_row(const T*, const T*, Index, double, T*); \
  template double cross_entropy_row(const T*, std::int64_t, Index, double, T*);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
