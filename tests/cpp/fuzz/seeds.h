// Valid files to start from: every layer type that networks know, in both dtypes.
#pragma once

#include <string>
#include <vector>

namespace fuzz {

// Throws std::logic_error where a layer type appears in none of them, or where one of them is not loaded.
std::vector<std::string> seeds();
// The layer types networks know, without the options of their variants.
std::vector<std::string> known_types();

}  // namespace fuzz
