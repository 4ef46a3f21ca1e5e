// One group of the library's cells (RECURRA_CELL_GROUP of cells/all.h), compiled once per instruction set. Each cell is
// compiled several times over; groups let the compiler do so on several processors.
#include "../../cells/all.h"
#include "cell_table.inl"

#define RECURRA_JOINED(a, b) a##b
#define RECURRA_JOIN(a, b) RECURRA_JOINED(a, b)

namespace recurra {
inline namespace RECURRA_ISA {

void RECURRA_JOIN(add_cells_, RECURRA_CELL_GROUP)(Backend& backend) {
#define RECURRA_ADD(...) backend.cells[backend.num_cells++] = cell_table<__VA_ARGS__>();
  RECURRA_JOIN(RECURRA_CELLS_, RECURRA_CELL_GROUP)(RECURRA_ADD)
#undef RECURRA_ADD
}

}  // namespace RECURRA_ISA
}  // namespace recurra
