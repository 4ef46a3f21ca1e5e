// The parts of a model file, for files that hold more than a model: further tensors, all named training_prefix + something, and
// the metadata training_key, without which such tensors are refused.
#pragma once

#include "recurra/model_file.h"
#include "safetensors.h"

namespace recurra {

inline constexpr const char* training_key = "training";
inline constexpr const char* training_prefix = "training.";

// The network's parameters, borrowed, and its description.
template <class T>
std::vector<Tensor> model_tensors(const BasicNetwork<T>& network);
template <class T>
std::map<std::string, std::string> model_metadata(const BasicNetwork<T>& network);

// Throws std::runtime_error as from_bytes().
AnyNetwork network_from(const Safetensors& file, const std::string& source);

}  // namespace recurra
