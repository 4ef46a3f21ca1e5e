// The JSON header of a safetensors file.
#pragma once

#include <string>
#include <string_view>

#include "safetensors.h"

namespace recurra {

// Fills the file's metadata and tensors from its header. Shapes and offsets are still to be checked against each other.
// Throws std::runtime_error.
void read_header(std::string_view header, Safetensors& file, const std::string& source);

}  // namespace recurra
