#include <algorithm>
#include <cmath>

#include "recurra/optimizer.h"

namespace recurra {

namespace {

template <class T>
std::span<T> part(std::span<T> gradient, const Range& range) {
  return gradient.subspan(std::size_t(range.begin), std::size_t(range.end - range.begin));
}

template <class T>
Range whole(std::span<T> gradient) {
  return {0, std::ptrdiff_t(gradient.size())};
}

template <class T>
double norm_over(std::span<const T> gradient, std::span<const Range> ranges) {
  double sum = 0;
  for (const Range& range : ranges)
    for (const T value : part(gradient, range)) sum += double(value) * double(value);
  return std::sqrt(sum);
}

template <class T>
void clip_norm_over(std::span<T> gradient, double limit, std::span<const Range> ranges) {
  const double norm = norm_over<T>(gradient, ranges);
  if (!(norm > limit)) return;
  const T factor = T(limit / norm);
  for (const Range& range : ranges)
    for (T& value : part(gradient, range)) value *= factor;
}

template <class T>
void clip_value_over(std::span<T> gradient, double limit, std::span<const Range> ranges) {
  for (const Range& range : ranges)
    for (T& value : part(gradient, range)) value = std::clamp(value, T(-limit), T(limit));
}

}  // namespace

template <class T>
double gradient_norm(std::span<const T> gradient) {
  const Range all = whole(gradient);
  return norm_over<T>(gradient, std::span(&all, 1));
}
template <class T>
double gradient_norm(std::span<const T> gradient, const Ranges& touched) {
  return norm_over<T>(gradient, touched);
}

template <class T>
void clip_norm(std::span<T> gradient, double limit) {
  const Range all = whole(gradient);
  clip_norm_over(gradient, limit, std::span(&all, 1));
}
template <class T>
void clip_norm(std::span<T> gradient, double limit, const Ranges& touched) {
  clip_norm_over(gradient, limit, std::span<const Range>(touched));
}

template <class T>
void clip_value(std::span<T> gradient, double limit) {
  const Range all = whole(gradient);
  clip_value_over(gradient, limit, std::span(&all, 1));
}
template <class T>
void clip_value(std::span<T> gradient, double limit, const Ranges& touched) {
  clip_value_over(gradient, limit, std::span<const Range>(touched));
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
