// A network's layers as JSON text: [{"type": "LSTM", "options": {"hidden_size": 32, "input_size": 1}}, ...].
#pragma once

#include <string>
#include <vector>

#include "recurra/layer_spec.h"

namespace recurra {

std::string architecture_to_json(const std::vector<LayerSpec>& layers);
// Throws std::invalid_argument.
std::vector<LayerSpec> architecture_from_json(const std::string& text);

}  // namespace recurra
