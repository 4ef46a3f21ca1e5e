// The backend in use, and the cells it knows.
#pragma once

#include <string>

#include "backend.h"

namespace recurra {

const Backend& backend();
// Null if there is no such cell.
const CellTable* find_cell(const std::string& name);

}  // namespace recurra
