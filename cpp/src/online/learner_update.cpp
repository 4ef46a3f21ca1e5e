// What becomes of the rows' gradients: the update of the weights that they share.
#include <algorithm>
#include <cmath>

#include "../learning/bptt.h"
#include "../learning/finite.h"
#include "learner.h"

namespace recurra {

template <class T>
void Learner<T>::guarded(RowRule<T>& rule, bool good) {
  if (good) return;
  ++report.guard_events;
  rule.forget();
  spoiled |= learned;
}

template <class T>
void Learner<T>::update() {
  for (const auto& rule : rules) guarded(*rule, rule->gradient(sum.data()));
  shared.fold(std::span<T>(sum));
  const T most = kernels<T>(backend()).reductions.largest(sum.data(), Index(sum.size()));
  if (!spoiled && most != most) {
    for (const auto& rule : rules) rule->forget();
    ++report.guard_events;
    spoiled = true;
  }
  if (!spoiled) apply(most);
  std::fill(sum.begin(), sum.end(), T(0));
  spoiled = learned = false;
}

template <class T>
void Learner<T>::apply(T most) {
  // Optimizers that remember squares would keep an infinite one, and its parameter would rest for ever.
  if (options.clip_norm) most = std::min(most, T(*options.clip_norm));
  if (!std::isfinite(most * most)) {
    ++report.guard_events;
    return;
  }
  const std::vector<T>& before = history.flat(history.now());
  std::copy_n(sum.begin(), clipped.size(), clipped.begin());
  if (options.clip_norm) clip_norm<T>(clipped, *options.clip_norm);
  optimizer.update(network, options.clip_norm ? clipped : sum, shared);
  const std::span<T> flat = network.flat();
  if (all_finite(flat.data(), Index(flat.size()))) {
    history.update(flat.data());
    latest.swap(sum);
    ++report.updates;
    return;
  }
  std::copy(before.begin(), before.end(), flat.begin());
  ++report.guard_events;
}

template <class T>
void Learner<T>::reset(RowRule<T>& rule) {
  guarded(rule, rule.gradient(sum.data()));
  rule.reset();
}

#define RECURRA_INSTANTIATE(T)                          \
  template void Learner<T>::guarded(RowRule<T>&, bool); \
  template void Learner<T>::update();                   \
  template void Learner<T>::apply(T);                   \
  template void Learner<T>::reset(RowRule<T>&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
