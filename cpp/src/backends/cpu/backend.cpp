// The one file that is compiled once per instruction set (with -DRECURRA_ISA=<name> and the matching -march): the library's
// cells and products as a table. No containers, exceptions or static initialisers here: their symbols would leak.
#include "../../cells/all.h"
#include "cell_table.inl"
#include "elementwise.inl"
#include "products.inl"

#define RECURRA_TEXT_OF(name) #name
#define RECURRA_TEXT(name) RECURRA_TEXT_OF(name)

namespace recurra {
inline namespace RECURRA_ISA {

template <class T>
Kernels<T> kernel_table() {
  return {products_table<T>(), elementwise<Tanh, T>(), elementwise<Relu, T>(), elementwise<Logistic, T>()};
}

__attribute__((visibility("hidden"))) void fill(Backend& backend) {
  backend.name = RECURRA_TEXT(RECURRA_ISA);
  backend.float32 = kernel_table<float>();
  backend.float64 = kernel_table<double>();
  backend.num_cells = 0;
#define RECURRA_ADD(...) backend.cells[backend.num_cells++] = cell_table<__VA_ARGS__>();
  RECURRA_CELLS(RECURRA_ADD)
#undef RECURRA_ADD
}

}  // namespace RECURRA_ISA
}  // namespace recurra
