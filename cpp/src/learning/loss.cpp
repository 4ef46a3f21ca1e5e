#include "loss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "../backends/select.h"
#include "../math/functions.h"

namespace recurra {

namespace {

constexpr std::array names{"mse", "mae", "huber", "cross_entropy", "binary_cross_entropy", "sampled_softmax"};

Loss::Settings default_settings(Loss::Kind kind) {
  switch (kind) {
    case Loss::mae: return Mae{};
    case Loss::huber: return Huber{};
    case Loss::cross_entropy: return CrossEntropy{};
    case Loss::binary_cross_entropy: return BinaryCrossEntropy{};
    case Loss::sampled_softmax: return SampledSoftmax{};
    default: return Mse{};
  }
}

}  // namespace

Loss::Loss(Kind kind) : settings_(default_settings(kind)) {}

const char* Loss::name() const { return names[settings_.index()]; }

Loss loss_from_name(const std::string& name) {
  std::string known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return Loss::Kind(i);
    known += std::string(i == 0 ? "'" : i + 1 < names.size() ? ", '" : " or '") + names[i] + "'";
  }
  throw std::invalid_argument("loss is '" + name + "', expected " + known);
}

template <class T>
double loss_row(const Mse&, const T* y, const T* target, Index width, double scale, T* dy) {
  double sum = kernels<T>(backend()).reductions.squares(y, target, width, T(2 * scale), dy);
  if (!std::isfinite(sum)) {  // a float may hold an error whose square it does not
    sum = 0;
    for (Index j = 0; j < width; ++j) sum += double(y[j] - target[j]) * double(y[j] - target[j]);
  }
  return scale * sum;
}

template <class T>
double loss_row(const Mae&, const T* y, const T* target, Index width, double scale, T* dy) {
  double sum = 0;
  for (Index j = 0; j < width; ++j) sum += std::abs(double(y[j]) - double(target[j]));
  const T slope = T(scale);
  for (Index j = 0; dy && j < width; ++j) dy[j] = slope * T((y[j] > target[j]) - (y[j] < target[j]));
  return sum * scale;
}

template <class T>
double loss_row(const Huber& loss, const T* y, const T* target, Index width, double scale, T* dy) {
  const double delta = loss.delta;
  double sum = 0;
  for (Index j = 0; j < width; ++j) {
    const double d = double(y[j]) - double(target[j]), far = std::abs(d), near = std::min(far, delta);
    sum += near * (far - near / 2);
    if (dy) dy[j] = T(scale * std::clamp(d, -delta, delta));
  }
  return sum * scale;
}

template <class T>
double loss_row(const BinaryCrossEntropy& loss, const T* y, const T* target, Index width, double scale, T* dy) {
  double sum = 0;
  for (Index j = 0; j < width; ++j) {
    const T positive = T(loss.positive_weight) * target[j], negative = T(1) - target[j];
    sum += double(positive * softplus(-y[j]) + negative * softplus(y[j]));
    if (!dy) continue;
    const T e = std::exp(-std::abs(y[j])), above = T(1) / (T(1) + e), below = e / (T(1) + e);
    const bool up = y[j] >= T(0);
    dy[j] = T(scale) * (negative * (up ? above : below) - positive * (up ? below : above));
  }
  return sum * scale;
}

template <class T>
double loss_row(const CrossEntropy& loss, const T* y, std::int64_t target, Index width, double scale, T* dy) {
  if (target == loss.ignored_class) {
    if (dy) std::fill_n(dy, width, T(0));
    return 0;
  }
  const auto [largest, sum] = kernels<T>(backend()).reductions.exponentials(y, width, dy);
  const double log_sum = std::log(sum), wanted = (1 - loss.label_smoothing) * class_weight(loss, target) * scale;
  const auto surprise = [&, top = double(largest)](Index j) { return log_sum + (top - double(y[j])); };
  double value = wanted * surprise(target), total = wanted;
  const double share = loss.label_smoothing / double(width) * scale;
  const auto smoothed = [&](Index j) { return share * (loss.class_weights.empty() ? 1 : loss.class_weights[std::size_t(j)]); };
  for (Index j = 0; share > 0 && j < width; ++j) {
    value += smoothed(j) * surprise(j);
    total += smoothed(j);
  }
  if (dy) {
    const T factor = T(total / sum);
    for (Index j = 0; j < width; ++j) dy[j] *= factor;
    dy[target] -= T(wanted);
    for (Index j = 0; share > 0 && j < width; ++j) dy[j] -= T(smoothed(j));
  }
  return value;
}

#define RECURRA_INSTANTIATE(T)                                                                \
  template double loss_row(const Mse&, const T*, const T*, Index, double, T*);                \
  template double loss_row(const Mae&, const T*, const T*, Index, double, T*);                \
  template double loss_row(const Huber&, const T*, const T*, Index, double, T*);              \
  template double loss_row(const BinaryCrossEntropy&, const T*, const T*, Index, double, T*); \
  template double loss_row(const CrossEntropy&, const T*, std::int64_t, Index, double, T*);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
