// Losses: means over the valid entries of a batch.
#pragma once

#include <cstdint>
#include <string>

#include "recurra/network.h"

namespace recurra {

enum class Loss {
  mse,            // mean of (y - target)^2 over the valid steps and features
  cross_entropy,  // mean of -log softmax(y)[class] over the valid steps; y are logits, targets class ids
};

// "mse", "cross_entropy". Throws std::invalid_argument.
Loss loss_from_name(const std::string& name);

// What a batch should give: `values`, shaped as the output, for mse, or `classes`, without the last axis, for cross_entropy.
template <class T>
struct Target {
  const T* values = nullptr;
  const std::int64_t* classes = nullptr;
};

}  // namespace recurra
