// Classes drawn to stand for all of them (SampledSoftmax).
#pragma once

#include "../layers/class_scorer.h"
#include "recurra/loss.h"

namespace recurra {

// The same for the same key. A class drawn several times stands there once, with that much more weight.
ClassSamples draw_classes(const SampledSoftmax& loss, Index num_classes, std::uint64_t key);

}  // namespace recurra
