// The list of all cells that inherit the suite: the library's, and those of cells/.
#pragma once

#include <string>
#include <vector>

#include "recurra/layer_spec.h"

void register_test_cells();
// The names under which networks know them.
std::vector<std::string> all_cells();
// The layer of one of them.
recurra::LayerSpec cell_layer(const std::string& cell, std::int64_t input_size, std::int64_t hidden_size);
