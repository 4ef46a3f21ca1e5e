#include <algorithm>
#include <cmath>

#include "recurra/optimizer.h"

namespace recurra {

template <class T>
double gradient_norm(std::span<const T> gradient) {
  double sum = 0;
  for (const T value : gradient) sum += double(value) * double(value);
  return std::sqrt(sum);
}

template <class T>
void clip_norm(std::span<T> gradient, double limit) {
  const double norm = gradient_norm<T>(gradient);
  if (!(norm > limit)) return;
  const T factor = T(limit / norm);
  for (T& value : gradient) value *= factor;
}

template <class T>
void clip_value(std::span<T> gradient, double limit) {
  for (T& value : gradient) value = std::clamp(value, T(-limit), T(limit));
}

#define RECURRA_INSTANTIATE(T)                       \
  template double gradient_norm(std::span<const T>); \
  template void clip_norm(std::span<T>, double);     \
  template void clip_value(std::span<T>, double);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
