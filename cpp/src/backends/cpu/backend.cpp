// Compiled once per instruction set (with -DRECURRA_ISA=<name> and the matching -march), as is cells.cpp: products, elementwise
// functions and the library's cells as a table. No containers, exceptions or static initialisers here: their symbols would leak.
#include "elementwise.inl"
#include "gathers.inl"
#include "masks.inl"
#include "normalization.inl"
#include "products.inl"
#include "reductions.inl"
#include "row_products.inl"
#include "traces.inl"

#define RECURRA_TEXT_OF(name) #name
#define RECURRA_TEXT(name) RECURRA_TEXT_OF(name)

namespace recurra {
inline namespace RECURRA_ISA {

template <class T>
Kernels<T> kernel_table() {
  return {products_table<T>(),    row_products_table<T>(),    reductions_table<T>(),    elementwise<Tanh, T>(),
          elementwise<Relu, T>(), elementwise<Logistic, T>(), normalization_table<T>(), masks_table<T>(),
          traces_table<T>(),      gathers_table<T>()};
}

void add_cells_1(Backend&);
void add_cells_2(Backend&);
void add_cells_3(Backend&);
void add_cells_4(Backend&);

__attribute__((visibility("hidden"))) void fill(Backend& backend) {
  backend.name = RECURRA_TEXT(RECURRA_ISA);
  backend.float32 = kernel_table<float>();
  backend.float64 = kernel_table<double>();
  backend.num_cells = 0;
  add_cells_1(backend);
  add_cells_2(backend);
  add_cells_3(backend);
  add_cells_4(backend);
}

}  // namespace RECURRA_ISA
}  // namespace recurra
