// The list of all cells that inherit the suite: the library's, and those of cells/; and every cell with every stage it admits.
#pragma once

#include <string>
#include <vector>

#include "recurra/layer_spec.h"

void register_test_cells();
// The names under which networks know them.
std::vector<std::string> all_cells();
// The same, and "LSTM + layer_norm" and the like: each stage alone and all of them together, where they are admitted.
std::vector<std::string> all_layers();
// The layer of one of them. Stages have a fixed strength; heads = 2, projection = hidden_size / 2.
recurra::LayerSpec cell_layer(const std::string& cell, std::int64_t input_size, std::int64_t hidden_size);
// The width of its output.
std::int64_t output_size(const std::string& cell, std::int64_t hidden_size);
