// The recursive neural tensor network: q_c = u' V_c u joins the pre-activation of each unit c of the gates that read a node's
// source u. R. Socher et al., Recursive deep models for semantic compositionality over a sentiment treebank, EMNLP 2013.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

namespace {

// The columns of pre-activations that have a V: those of node_feed's products, in order.
template <class Visit>
void for_each_column(const GateMatrix& node_feed, const Visit& visit) {
  Index c = 0;
  for (const GateProduct& p : node_feed.products)
    for (Index j = 0; j < p.width; ++j) visit(c++, p.column + j);
}

Index columns_of(const GateMatrix& node_feed) {
  Index columns = 0;
  for (const GateProduct& p : node_feed.products) columns += p.width;
  return columns;
}

}  // namespace

template <class T>
void CellLayer<T>::reserve_bilinear(CellTape<T>& tape, Index sources, bool backward) const {
  const Index width = columns_of(layout_.node_feed) * layout_.source_width;
  tape.tensor.resize(std::size_t(sources * width));
  if (!backward) return;
  tape.dtensor.resize(std::size_t(sources * width));
  const Index scratch = products_.outer_scratch(width, layout_.source_width);
  tape.scratch.resize(std::max(tape.scratch.size(), std::size_t(scratch)));
}

template <class T>
void CellLayer<T>::add_bilinear(const CellWeights<T>& w, CellTape<T>& tape, NodeRange rows, Rows<T> a) const {
  const Index depth = layout_.source_width, width = columns_of(layout_.node_feed) * depth;
  const T* u = tape.source.data() + rows.first * depth;
  T* product = tape.tensor.data() + rows.first * width;  // V_c u
  std::fill_n(product, rows.count * width, T(0));
  w.tensor.forward.multiply(products_, u, depth, rows.count, product, width);
  for (Index i = 0; i < rows.count; ++i, u += depth, product += width)
    for_each_column(layout_.node_feed, [&](Index c, Index column) {
      T sum = 0;
      for (Index j = 0; j < depth; ++j) sum += u[j] * product[c * depth + j];
      a.data[i * a.stride + column] += sum;
    });
}

template <class T>
void CellLayer<T>::add_bilinear_back(const CellWeights<T>& w, CellTape<T>& tape, NodeRange rows, Rows<const T> d,
                                     Rows<T> dsource) const {
  const Index depth = layout_.source_width, width = columns_of(layout_.node_feed) * depth;
  const T* u = tape.source.data() + rows.first * depth;
  const T* product = tape.tensor.data() + rows.first * width;
  T* const dproduct = tape.dtensor.data() + rows.first * width;
  for (Index i = 0; i < rows.count; ++i)
    for_each_column(layout_.node_feed, [&](Index c, Index column) {
      const T dq = d.data[i * d.stride + column];
      for (Index j = 0; j < depth; ++j) {
        dproduct[i * width + c * depth + j] = dq * u[i * depth + j];
        dsource.data[i * dsource.stride + j] += dq * product[i * width + c * depth + j];
      }
    });
  w.tensor.backward.multiply(products_, dproduct, width, rows.count, dsource.data, dsource.stride);
}

template <class T>
void CellLayer<T>::add_bilinear_gradient(CellTape<T>& tape, Index sources, T* gradient) const {
  const Index depth = layout_.source_width, width = columns_of(layout_.node_feed) * depth;
  add_outer(products_, tape.dtensor.data(), width, tape.source.data(), depth, sources, width, depth, gradient + layout_.tensor,
            depth, tape.scratch.data());
}

#define RECURRA_INSTANTIATE(T)                                                                                                 \
  template void CellLayer<T>::reserve_bilinear(CellTape<T>&, Index, bool) const;                                               \
  template void CellLayer<T>::add_bilinear(const CellWeights<T>&, CellTape<T>&, NodeRange, Rows<T>) const;                     \
  template void CellLayer<T>::add_bilinear_back(const CellWeights<T>&, CellTape<T>&, NodeRange, Rows<const T>, Rows<T>) const; \
  template void CellLayer<T>::add_bilinear_gradient(CellTape<T>&, Index, T*) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
