// The list of all cells that inherit the suite: the library's, and those of cells/.
#pragma once

#include <string>
#include <vector>

void register_test_cells();
// The names under which networks know them.
std::vector<std::string> all_cells();
