// Cells from outside the library. CMake's recurra_add_cell(<target> my_cell.h) makes the object below; register it before use.
#pragma once

#include <string>
#include <vector>

namespace recurra {

struct CellTable;

// A cell compiled for each instruction set; null where the build left one out.
struct CompiledCell {
  void (*baseline)(CellTable&);
  void (*avx2)(CellTable&);
  void (*avx512)(CellTable&);
};

// Makes the cell known to networks and files under the name it declares. Registering the same cell again does nothing;
// another one of the same name throws std::invalid_argument.
void register_cell(const CompiledCell& cell);
// All names, the library's own first.
std::vector<std::string> cell_names();

}  // namespace recurra
