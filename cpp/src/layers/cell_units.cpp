// What the units of a cell layer do to themselves in one step: the cell's VJP past all products.
#include "cell_layer.h"

namespace recurra {

template <class T>
void CellLayer<T>::backward_units(const Weights<T>& weights, Tape<T>& base, Index level, CellCotangents<T> d, bool inside) const {
  const CellRows<T> level_rows =
      rows(static_cast<const CellWeights<T>&>(weights), static_cast<CellTape<T>&>(base), {level, level + 1});
  if (!inside && !layout_.state.products.empty()) kernels_.vjp[1](level_rows, d);
  kernels_.vjp[0](level_rows, d);
}

template void CellLayer<float>::backward_units(const Weights<float>&, Tape<float>&, Index, CellCotangents<float>, bool) const;
template void CellLayer<double>::backward_units(const Weights<double>&, Tape<double>&, Index, CellCotangents<double>, bool) const;

}  // namespace recurra
