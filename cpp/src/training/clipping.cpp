#include <algorithm>
#include <cmath>

#include "recurra/optimizer.h"

namespace recurra {

namespace {
template <class T>
Ranges whole(std::span<T> gradient) {
  return {{0, std::ptrdiff_t(gradient.size())}};
}
template <class T>
std::span<T> part(std::span<T> gradient, const Range& range) {
  return gradient.subspan(std::size_t(range.begin), std::size_t(range.end - range.begin));
}
}  // namespace

template <class T>
double gradient_norm(std::span<const T> gradient, const Ranges& touched) {
  double sum = 0;
  for (const Range& range : touched)
    for (const T value : part(gradient, range)) sum += double(value) * double(value);
  return std::sqrt(sum);
}
template <class T>
double gradient_norm(std::span<const T> gradient) {
  return gradient_norm(gradient, whole(gradient));
}

template <class T>
void clip_norm(std::span<T> gradient, double limit, const Ranges& touched) {
  const double norm = gradient_norm<T>(gradient, touched);
  if (!(norm > limit)) return;
  const T factor = T(limit / norm);
  for (const Range& range : touched)
    for (T& value : part(gradient, range)) value *= factor;
}
template <class T>
void clip_norm(std::span<T> gradient, double limit) {
  clip_norm(gradient, limit, whole(gradient));
}

template <class T>
void clip_value(std::span<T> gradient, double limit, const Ranges& touched) {
  for (const Range& range : touched)
    for (T& value : part(gradient, range)) value = std::clamp(value, T(-limit), T(limit));
}
template <class T>
void clip_value(std::span<T> gradient, double limit) {
  clip_value(gradient, limit, whole(gradient));
}

#define RECURRA_INSTANTIATE(T)                                      \
  template double gradient_norm(std::span<const T>);                \
  template double gradient_norm(std::span<const T>, const Ranges&); \
  template void clip_norm(std::span<T>, double);                    \
  template void clip_norm(std::span<T>, double, const Ranges&);     \
  template void clip_value(std::span<T>, double);                   \
  template void clip_value(std::span<T>, double, const Ranges&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
