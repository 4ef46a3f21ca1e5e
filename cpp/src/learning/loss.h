// The losses on one row of outputs.
#pragma once

#include "recurra/loss.h"

namespace recurra {

// Each returns the row's loss times `scale`; its cotangent goes to dy (null: not wanted). The sums are double, dy is written
// in full, and nothing overflows for any finite row whose loss does not.
template <class T>
double loss_row(const Mse& loss, const T* y, const T* target, Index width, double scale, T* dy);
template <class T>
double loss_row(const Mae& loss, const T* y, const T* target, Index width, double scale, T* dy);
template <class T>
double loss_row(const Huber& loss, const T* y, const T* target, Index width, double scale, T* dy);
template <class T>
double loss_row(const BinaryCrossEntropy& loss, const T* y, const T* target, Index width, double scale, T* dy);
template <class T>
double loss_row(const CrossEntropy& loss, const T* y, std::int64_t target, Index width, double scale, T* dy);
// Of all classes.
template <class T>
double loss_row(const SampledSoftmax&, const T* y, std::int64_t target, Index width, double scale, T* dy) {
  return loss_row(CrossEntropy{}, y, target, width, scale, dy);
}

template <class Settings>
inline constexpr bool takes_classes = std::is_same_v<Settings, CrossEntropy> || std::is_same_v<Settings, SampledSoftmax>;

// The loss of one entry of a target, times `scale`. The target must have passed check_target().
template <class T>
double entry_loss(const Loss& loss, const T* y, const Target<T>& target, Index entry, Index width, double scale, T* dy) {
  return std::visit(
      [&](const auto& settings) {
        if constexpr (takes_classes<std::remove_cvref_t<decltype(settings)>>)
          return loss_row(settings, y, target.classes[entry], width, scale, dy);
        else
          return loss_row(settings, y, target.values + entry * width, width, scale / double(width), dy);
      },
      loss.settings());
}

// What an entry of this class counts in the mean. The class must be ignored or in range.
inline double class_weight(const CrossEntropy& loss, std::int64_t id) {
  if (id == loss.ignored_class) return 0;
  return loss.class_weights.empty() ? 1 : loss.class_weights[std::size_t(id)];
}

}  // namespace recurra
