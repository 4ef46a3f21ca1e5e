#include "class_samples.h"

#include <algorithm>
#include <cmath>

#include "../math/hash.h"
#include "../math/random.h"

namespace recurra {

namespace {

std::int64_t draw(SampledSoftmax::Distribution distribution, Index num_classes, double u) {
  const double classes = double(num_classes);
  const double drawn = distribution == SampledSoftmax::uniform ? u * classes : std::exp(u * std::log(classes + 1)) - 1;
  return std::min(std::int64_t(drawn), std::int64_t(num_classes - 1));
}

double probability(SampledSoftmax::Distribution distribution, Index num_classes, std::int64_t id) {
  const double classes = double(num_classes);
  return distribution == SampledSoftmax::uniform ? 1 / classes : std::log1p(1 / double(id + 1)) / std::log(classes + 1);
}

}  // namespace

ClassSamples draw_classes(const SampledSoftmax& loss, Index num_classes, std::uint64_t key) {
  std::vector<std::int64_t> drawn(std::size_t(loss.samples));
  for (std::size_t i = 0; i < drawn.size(); ++i)
    drawn[i] = draw(loss.distribution, num_classes, unit_interval(mix(key, std::uint64_t(i))));
  std::ranges::sort(drawn);
  ClassSamples samples;
  for (std::size_t i = 0, end; i < drawn.size(); i = end) {
    for (end = i + 1; end < drawn.size() && drawn[end] == drawn[i];) ++end;
    samples.classes.push_back(drawn[i]);
    samples.log_weights.push_back(
        std::log(double(end - i) / (double(loss.samples) * probability(loss.distribution, num_classes, drawn[i]))));
  }
  return samples;
}

}  // namespace recurra
