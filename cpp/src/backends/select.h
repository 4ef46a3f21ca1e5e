// The backend in use, and the cells it knows.
#pragma once

#include <string>

#include "backend.h"

namespace recurra {

const Backend& backend();
// For few units a step takes no longer on registers half as wide, whose divisions are faster and which have no lanes to spare.
void add_narrow_steps(CellTable&, const CellTable& narrower);
// Null if there is no such cell.
const CellTable* find_cell(const std::string& name);

}  // namespace recurra
